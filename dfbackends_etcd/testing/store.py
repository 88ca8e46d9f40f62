"""A cluster, as the suite has it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from contract_tests.servers.node import NotStarted
from contract_tests.servers.server import Server
from dfbackends_etcd.testing.cluster import EtcdCluster
from dfbackends_etcd.testing.process import hosts
from dfbackends_etcd.testing.program import program

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from contract_tests.servers.server import Facts

_TRIES = 5


class Store(Server):
    """So many members, which are one store when they have found each other."""

    def __init__(self, size: int, **facts: Unpack[Facts]) -> None:
        super().__init__("", **facts)
        self._size = size
        self._members: EtcdCluster | None = None

    @property
    def members(self) -> EtcdCluster:
        """The members that run."""
        assert self._members is not None, "they were not started"
        return self._members

    def start(self, folder: Path) -> None:
        for attempt in range(_TRIES):
            self.folder = folder / str(attempt)
            cluster = self._members = EtcdCluster(self.folder, count=self._size)
            self.nodes = [*cluster.nodes]
            try:
                cluster.start()
            except NotStarted as error:
                self.stop()
                if attempt == _TRIES - 1 or not self.was_late(error):
                    raise
            else:
                return

    def restart(self) -> None:
        if any(node.pid is None for node in self.nodes):
            super().restart()
            self.members.join()

    @property
    def count(self) -> int:
        return self._size

    def url(self, ports: Sequence[int] | None = None) -> str:
        return f"etcd://{hosts(self.ports if ports is None else ports)}"

    @property
    def missing(self) -> str:
        try:
            program()
        except NotStarted as error:
            return str(error)
        return ""

    @property
    def answers(self) -> str:
        return f"{self._size} x {Path(program()).name}" if self._size > 1 else Path(program()).name

    @property
    def settings(self) -> str:
        return f"db = etcd\n[dfbackends_etcd]\nhosts = {hosts(self.ports or range(1, self._size + 1))}\n"
