"""One process of etcd."""

from __future__ import annotations

import http.client
import json
import shutil
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from contract_tests.servers.node import HOST, Node, free_port
from contract_tests.waiting import eventually
from dfbackends_etcd.stubs import services
from dfbackends_etcd.testing.program import program

_TIMEOUT = 5.0
_ASKING = 1.0


@dataclass(frozen=True)
class Certificates:
    """Files for TLS: who is believed, and what server and client show."""

    ca: Path
    certificate: Path
    key: Path

    @property
    def settings(self) -> list[str]:
        """The settings of a server that wants them of its clients, too."""
        files = ("--cert-file", self.certificate), ("--key-file", self.key), ("--trusted-ca-file", self.ca)
        return [*(word for name, file in files for word in (name, str(file))), "--client-cert-auth"]


class Stubs:
    """What can be asked of a member, beside what the driver does."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.kv: Any = services.KVStub(channel)
        self.auth: Any = services.AuthStub(channel)
        self.lease: Any = services.LeaseStub(channel)
        self.maintenance: Any = services.MaintenanceStub(channel)


class EtcdServer(Node):
    """Keeps its data and its log in a folder. It finds the others by ``peers``, the addresses by name."""

    def __init__(
        self,
        folder: Path,
        *settings: str,
        name: str = "only",
        peers: dict[str, int] | None = None,
        port: int | None = None,
        tls: Certificates | None = None,
    ) -> None:
        """Take settings as on the command line; ports that are free by default."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.name = name
        self.tls = tls
        self._settings = [*settings, *(tls.settings if tls is not None else ())]
        self._peers = peers or {name: free_port()}
        super().__init__((), port or free_port(), folder / "log")
        self.listen(self.port)

    @property
    def data(self) -> Path:
        """The folder of its data."""
        return self.folder / "data"

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self.pid is not None

    def listen(self, port: int) -> None:
        """Answer on a port, from the next start on."""
        scheme = "http" if self.tls is None else "https"
        own, clients = f"http://{HOST}:{self._peers[self.name]}", f"{scheme}://{HOST}:{port}"
        self.port = port
        self._command = [
            program(),
            *("--name", self.name, "--data-dir", str(self.data)),
            *("--listen-client-urls", clients, "--advertise-client-urls", clients),
            *("--listen-peer-urls", own, "--initial-advertise-peer-urls", own),
            *("--initial-cluster", ",".join(f"{name}=http://{HOST}:{peer}" for name, peer in self._peers.items())),
            *("--logger", "zap", "--log-level", "warn"),
            *self._settings,
        ]

    def forget(self) -> None:
        """Lose all data; it does not run."""
        shutil.rmtree(self.data, ignore_errors=True)

    @contextmanager
    def stubs(self) -> Iterator[Stubs]:
        """What can be asked, by a line of its own."""
        address = f"{HOST}:{self.port}"
        if self.tls is None:
            channel = grpc.insecure_channel(address)
        else:
            files = (self.tls.ca, self.tls.key, self.tls.certificate)
            credentials = grpc.ssl_channel_credentials(*(file.read_bytes() for file in files))
            channel = grpc.secure_channel(address, credentials)
        with channel:
            yield Stubs(channel)

    def ask(self, service: str, call: str, request: Any, token: str = "") -> Any:
        """Return the answer to a call of a service: ``kv``, ``auth``, ``lease`` or ``maintenance``."""
        with self.stubs() as stubs:
            metadata = [("token", token)] if token else None
            return getattr(getattr(stubs, service), call)(request, timeout=_TIMEOUT, metadata=metadata)

    @property
    def well(self) -> bool:
        """Whether it serves, as far as it says."""
        return bool(self._told("/health").get("health") == "true")

    def _told(self, path: str) -> Any:
        if self.tls is None:
            line: Any = http.client.HTTPConnection(HOST, self.port, timeout=_ASKING)
        else:
            context = ssl.create_default_context(cafile=str(self.tls.ca))
            context.load_cert_chain(self.tls.certificate, self.tls.key)
            line = http.client.HTTPSConnection(HOST, self.port, timeout=_ASKING, context=context)
        try:
            line.request("GET", path)
            return json.loads(line.getresponse().read())
        finally:
            line.close()


def until(holds: Callable[[], bool], what: str, timeout: float = 20.0) -> None:
    """Wait; a server that does not answer meanwhile is no answer."""

    def found() -> bool:
        try:
            return holds()
        except (OSError, ValueError, http.client.HTTPException, grpc.RpcError):
            return False

    eventually(found, what, timeout)


def hosts(ports: Sequence[int]) -> str:
    """Return ``host:port`` of each, with commas."""
    return ",".join(f"{HOST}:{port}" for port in ports)
