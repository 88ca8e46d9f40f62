"""A cluster, as the suite has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from contract_tests.servers.grouped import Grouped
from dfbackends_etcd.testing.cluster import EtcdCluster
from dfbackends_etcd.testing.process import hosts
from dfbackends_etcd.testing.program import PROGRAM

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from contract_tests.servers.server import Facts


class Store(Grouped[EtcdCluster]):
    """So many members, which are one store when they have found each other."""

    def __init__(self, size: int, **facts: Unpack[Facts]) -> None:
        super().__init__(PROGRAM, size, lambda folder: EtcdCluster(folder, count=size), **facts)

    def url(self, ports: Sequence[int] | None = None) -> str:
        return f"etcd://{hosts(self.ports if ports is None else ports)}"

    @property
    def settings(self) -> str:
        return f"db = etcd\n[dfbackends_etcd]\nhosts = {hosts(self.ports or range(1, self.count + 1))}\n"
