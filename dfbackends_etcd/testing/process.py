"""One process of etcd."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from contract_tests.servers.node import HOST, Node, free_port
from dfbackends_etcd.access import Access, Address
from dfbackends_etcd.channel import Call, Channel
from dfbackends_etcd.errors import CallFailed, NotConnected, is_silent
from dfbackends_etcd.stubs import rpc, services
from dfbackends_etcd.testing.program import PROGRAM

_TIMEOUT = 5.0


class EtcdServer(Node):
    """One member, which keeps its data and its log in a folder; alone, where no ``peers`` are given by name and port."""

    def __init__(
        self,
        folder: Path,
        *settings: str,
        name: str = "one",
        peers: Mapping[str, int] | None = None,
        behind: int | None = None,
        scheme: str = "http",
    ) -> None:
        """Take settings as on the command line. The system chooses the ports.

        Peers find it at its own port among theirs; where it listens ``behind`` another one, somebody hands on to there.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.name = name
        self._scheme = scheme
        self._settings = settings
        self._peers = peers or {name: free_port()}
        self._behind = behind or self._peers[name]
        super().__init__((), free_port(), folder / "log")
        self.listen(self.port)

    def listen(self, port: int) -> None:
        """Answer on a port, from the next start on."""
        peers = {name: f"http://{HOST}:{peer}" for name, peer in self._peers.items()}
        clients = f"{self._scheme}://{HOST}:{port}"
        self.port = port
        self._command = [PROGRAM.path(), "--name", self.name, "--data-dir", str(self.data), "--logger", "zap"]
        self._command += ["--listen-client-urls", clients, "--advertise-client-urls", clients]
        self._command += ["--listen-peer-urls", f"http://{HOST}:{self._behind}"]
        self._command += ["--initial-advertise-peer-urls", peers[self.name]]
        self._command += ["--initial-cluster", ",".join(f"{name}={peer}" for name, peer in peers.items()), *self._settings]

    @property
    def data(self) -> Path:
        """The folder of its data."""
        return self.folder / "data"

    def forget(self) -> None:
        """Lose all data; it does not run."""
        shutil.rmtree(self.data)

    @property
    def url(self) -> str:
        """The URL of a backend on it alone, to which options may be added."""
        return url([self])

    def ask(self, service: str, call: str, request: Any, *, timeout: float = _TIMEOUT, token: str = "") -> Any:
        """Return the answer to a request, by the names of its service and of the call."""
        with closing(Channel(Address(HOST, self.port), Access())) as channel:
            method: Call = getattr(getattr(services, f"{service}Stub")(channel), call)
            return method(request, timeout=timeout, metadata=(("token", token),) if token else ())

    @property
    def revision(self) -> int:
        """The revision of the store; it takes a leader to know it."""
        found: int = self.ask("KV", "Range", rpc.RangeRequest(key=b"-")).header.revision
        return found

    @property
    def leads(self) -> bool:
        """Whether the others follow it."""
        status = self.ask("Maintenance", "Status", rpc.StatusRequest())
        return bool(status.leader == status.header.member_id)

    def compact(self) -> None:
        """Forget all that was before."""
        self.ask("KV", "Compact", rpc.CompactionRequest(revision=self.revision, physical=True))

    def _answers(self) -> bool:
        listens = super()._answers()
        if not listens or len(self._peers) > 1 or self._scheme != "http":
            # One of several may have to wait for the others.
            return listens
        try:
            self.ask("KV", "Range", rpc.RangeRequest(key=b"-"), timeout=1.0)
        except NotConnected:
            return False
        except CallFailed as error:
            return not is_silent(error)
        return True

    @contextmanager
    def freezing(self) -> Iterator[None]:
        """Freeze it for the time of a ``with`` block."""
        self.freeze()
        try:
            yield
        finally:
            self.thaw()


def url(nodes: Sequence[EtcdServer]) -> str:
    """Return the URL of a backend on some members, to which options may be added."""
    return f"etcd://{hosts([node.port for node in nodes])}?"


def hosts(ports: Sequence[int]) -> str:
    """Return ``host:port`` of each, with commas."""
    return ",".join(f"{HOST}:{port}" for port in ports)
