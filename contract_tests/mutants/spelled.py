"""A store in memory that changes names on their way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dfbackends.api import Key, OpId, Record, Table, Write
from dfbackends.drivers.memory import MemoryDb


class SpelledDb(MemoryDb):
    """Finds and keeps entries under what it makes of their names; sound as it is, since it makes nothing of them."""

    def spelled(self, name: str) -> str:
        """Return what becomes of a key."""
        return name

    def placed(self, table: Table) -> Table:
        """Return what becomes of a table."""
        return table

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        return super().read([self._key(key) for key in keys])

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        return super().write([write._replace(key=self._key(write.key)) for write in writes], op)

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        return super().scan(self.placed(table), topic)

    def _key(self, key: Key) -> Key:
        return Key(self.placed(key.table), self.spelled(key.name))
