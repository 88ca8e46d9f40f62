"""Members whose data becomes that of others, as when an old copy is restored: they end, and others are at their addresses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dfbackends
from contract_tests.fault import Fault
from contract_tests.replaceable import Replaceable
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.testing.cluster import EtcdCluster

_AHEAD = 10


class ReplacedMembers(Replaceable):
    """Two clusters: one in use, and one that comes to its addresses."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size
        self._ended = ExitStack()
        self._own = self._started("own")
        self._other: EtcdCluster | None = None

    def open(self, **settings: Any) -> dfbackends.Backend:
        options = "&".join(f"{name}={value}" for name, value in settings.items())
        return dfbackends.open(f"{self._own.url}{options}")

    def keep(self) -> None:
        self._own.stop()
        for node in self._own.nodes:
            shutil.copytree(node.data, self._kept(node.name))
        self._own.start()

    def other(self) -> dfbackends.Backend:
        if self._other is None:
            self._other = self._started("other")
            # It is newer.
            while self._other.nodes[0].revision < self._own.nodes[0].revision + _AHEAD:
                self._other.nodes[0].ask("KV", "Put", rpc.PutRequest(key=b"ahead"))
        return dfbackends.open(self._other.url)

    def replace(self, how: Fault) -> None:
        self._own.kill()
        if how is Fault.OTHER:
            assert self._other is not None
            self._other.kill()
            for node, before in zip(self._other.nodes, self._own.nodes, strict=True):
                node.listen(before.port)
            self._other.start()
            return
        for node in self._own.nodes:
            node.forget()
            if how is Fault.OLDER:
                shutil.copytree(self._kept(node.name), node.data)
        self._own.start()

    def close(self) -> None:
        self._ended.close()

    def _started(self, name: str) -> EtcdCluster:
        cluster = EtcdCluster(self._folder / name, count=self._size)
        self._ended.callback(cluster.kill)
        cluster.start()
        return cluster

    def _kept(self, name: str) -> Path:
        return self._folder / "kept" / name


def replaced(size: int) -> Callable[[Path], Replaceable]:
    """Return what makes stores of so many members."""
    return lambda folder: ReplacedMembers(folder, size)
