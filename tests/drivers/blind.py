"""A client that sends a write again when its answer was lost, whatever has become of it: as many do by default."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dfbackends
from contract_tests.faults.faulty import faulty_db
from contract_tests.faults.injecting import FaultyHarness
from contract_tests.faults.simulated import Lost, NotSent, Simulated
from dfbackends.api import DbApi, Key, OpId, PubSubApi, Record, Table, Write
from dfbackends.drivers.memory import MemoryPubSub, Store
from tests.drivers.poor import PoorDb, PoorStore

_poor, _carrier = PoorStore(), Store()


class BlindDb(DbApi):
    """Makes each call up to so many times, and believes the last answer."""

    def __init__(self, driver: DbApi, attempts: int) -> None:
        self.limits = driver.limits
        self.errors = driver.errors
        self._driver = driver
        self._attempts = attempts

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        return self._driver.read(keys)

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        for _ in range(self._attempts - 1):
            try:
                return self._driver.write(writes, op)
            except (Lost, NotSent):
                continue
        return self._driver.write(writes, op)

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        return self._driver.scan(table, topic)

    def drop(self, table: Table) -> None:
        self._driver.drop(table)

    def close(self) -> None:
        self._driver.close()


class BlindHarness(FaultyHarness):
    """A store without any capability behind such a client; one attempt makes it an honest one."""

    def __init__(self, attempts: int) -> None:
        super().__init__("blind", poor)
        self._attempts = attempts

    def open(self, namespace: str, **settings: Any) -> dfbackends.Backend:
        db, pubsub = poor(self.folder)
        client = BlindDb(faulty_db(db, Simulated(self.plan(namespace))), self._attempts)
        return dfbackends.assemble(client, pubsub, namespace=namespace, **settings)


def poor(folder: Path) -> tuple[DbApi, PubSubApi]:
    """Return drivers of a store that knows nothing of operations."""
    return PoorDb(_poor), MemoryPubSub(_carrier)
