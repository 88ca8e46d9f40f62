"""A store in memory that changes names on their way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dfbackends.api import Expect, Key, Message, OpId, Record, Table, Write
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

    def commit(
        self, writes: Sequence[Write], checks: Mapping[Key, Expect | int], messages: Sequence[Message], op: OpId
    ) -> list[int] | None:
        spelled = [write._replace(key=self._key(write.key)) for write in writes]
        return super().commit(spelled, {self._key(key): expect for key, expect in checks.items()}, messages, op)

    def drop(self, table: Table) -> None:
        super().drop(self.placed(table))

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        return super().scan(self.placed(table), topic)

    def _key(self, key: Key) -> Key:
        return Key(self.placed(key.table), self.spelled(key.name))
