"""A database that hides what it can do beyond what is required."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dfbackends.api import DbApi, Key, OpId, Record, Table, Write
from dfbackends.drivers.memory import MemoryDb, Store


class Bare(DbApi):
    """The calls that every database has, of one that has more."""

    errors = MemoryDb.errors

    def __init__(self, store: Store, driver: type[MemoryDb] = MemoryDb) -> None:
        self._driver = driver(store)

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        return self._driver.read(keys)

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        return self._driver.write(writes, op)

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        return self._driver.scan(table, topic)

    def drop(self, table: Table) -> None:
        self._driver.drop(table)

    def close(self) -> None:
        self._driver.close()
