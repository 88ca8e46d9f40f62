"""Members that are one store together, or one that is it alone."""

from __future__ import annotations

from pathlib import Path

from contract_tests.servers.node import free_port
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.testing.process import Certificates, EtcdServer, hosts, until

_PATIENCE = 30.0


class EtcdCluster:
    """So many members; the majority of them goes on without the others."""

    def __init__(self, folder: Path, *settings: str, size: int = 1, tls: Certificates | None = None) -> None:
        names = [f"m{number}" for number in range(size)]
        peers = {name: free_port() for name in names}
        self.nodes = [EtcdServer(folder / name, *settings, name=name, peers=peers, tls=tls) for name in names]

    def start(self) -> None:
        """Start all, which are one store when this returns.

        :raises NotStarted: one did not answer
        """
        for node in self.nodes:
            node.start()
        self.join()

    def join(self) -> None:
        """Wait until all that run are one store, again or for the first time."""
        until(lambda: all(node.well for node in self.nodes if node.running), "the members to be one store", _PATIENCE)

    def stop(self) -> None:
        """End all."""
        for node in self.nodes:
            node.stop()

    def kill(self) -> None:
        """End all at once."""
        for node in self.nodes:
            node.kill()

    @property
    def leader(self) -> EtcdServer:
        """The member that those which run follow."""
        return next(node for node in self.nodes if node.running and self._leads(node))

    def failover(self) -> None:
        """Let another member lead, as an operator does."""
        old = self.leader
        other = next(node for node in self.nodes if node is not old and node.running)
        target = other.ask("maintenance", "Status", rpc.StatusRequest()).header.member_id
        old.ask("maintenance", "MoveLeader", rpc.MoveLeaderRequest(targetID=target))
        until(lambda: self._leads(other), "another leader")

    @property
    def hosts(self) -> str:
        """Where the members are."""
        return hosts([node.port for node in self.nodes])

    @property
    def url(self) -> str:
        """The URL of the backend."""
        return f"etcd://{self.hosts}"

    @staticmethod
    def _leads(node: EtcdServer) -> bool:
        status = node.ask("maintenance", "Status", rpc.StatusRequest())
        return bool(status.leader == status.header.member_id)
