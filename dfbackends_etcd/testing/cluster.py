"""Members that are one store together, or one that is it alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from contract_tests.servers.node import free_port
from contract_tests.waiting import eventually
from dfbackends_etcd.errors import CallFailed, NotConnected
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.testing.process import EtcdServer, url

_PATIENCE = 60.0

Way = Callable[[str, int], int]
"""Is given the name of a member and the port where it listens for the others; returns where they find it."""


class EtcdCluster:
    """So many members; the majority of them goes on without the others."""

    def __init__(self, folder: Path, *settings: str, count: int = 3, way: Way | None = None) -> None:
        """Let the others find each where it listens, or where the ``way`` to there begins."""
        ports = {f"n{number}": free_port() for number in range(count)}
        peers = ports if way is None else {name: way(name, port) for name, port in ports.items()}
        self.nodes = [EtcdServer(folder / name, *settings, name=name, peers=peers, behind=ports[name]) for name in ports]

    def start(self) -> None:
        """Start all, which are one store when this returns.

        :raises NotStarted: one did not answer
        """
        for node in self.nodes:
            node.start()
        self.join()

    def join(self) -> None:
        """Wait until all that run are one store, again or for the first time."""
        _until(lambda: all(node.revision for node in self.running), "the members to have a leader")

    def stop(self) -> None:
        """End all."""
        for node in self.nodes:
            node.stop()

    def kill(self) -> None:
        """End all at once."""
        for node in self.nodes:
            node.kill()

    @property
    def running(self) -> list[EtcdServer]:
        """Those that have a process."""
        return [node for node in self.nodes if node.pid is not None]

    @property
    def leader(self) -> EtcdServer:
        """Whom the others follow."""
        return next(node for node in self.running if node.leads)

    def failover(self) -> None:
        """Let another member lead, as an operator does."""
        old = self.leader
        self.follow(next(node for node in self.running if node is not old))

    def follow(self, node: EtcdServer) -> None:
        """Let a member lead."""
        leader = self.leader
        if leader is not node:
            target = node.ask("Maintenance", "Status", rpc.StatusRequest()).header.member_id
            leader.ask("Maintenance", "MoveLeader", rpc.MoveLeaderRequest(targetID=target))
            _until(lambda: node.leads, "another leader")

    @property
    def url(self) -> str:
        """The URL of a backend on all of them, to which options may be added."""
        return url(self.nodes)


def _until(holds: Callable[[], bool], what: str) -> None:
    """Wait; a server that does not answer meanwhile is no answer."""

    def found() -> bool:
        try:
            return holds()
        except (CallFailed, NotConnected):
            return False

    eventually(found, what, _PATIENCE)
