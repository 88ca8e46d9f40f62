"""A store in memory that changes names on their way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from contract_tests.mutants.turned import Event, TurnedFeed
from dfbackends.api import (
    Change,
    Confirmed,
    Denied,
    Expect,
    Feed,
    Key,
    Message,
    OpId,
    Position,
    Record,
    Stream,
    Table,
    Write,
)
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

    def heads(self, streams: Sequence[Stream]) -> list[str]:
        return super().heads([self._stream(stream) for stream in streams])

    def watch(self, after: Position | None = None) -> Feed[Stream, Change]:
        asked: dict[Stream, Stream] = {}

        def placed(stream: Stream) -> Stream:
            asked[self._stream(stream)] = stream
            return self._stream(stream)

        def told(item: Event) -> Event:
            if isinstance(item, Change):
                return item._replace(stream=asked[item.stream])
            if isinstance(item, Confirmed | Denied):
                return replace(item, topic=asked[item.topic])
            return item

        return TurnedFeed(super().watch(after), told, placed)

    def _stream(self, stream: Stream) -> Stream:
        return stream._replace(table=self.placed(stream.table))

    def _key(self, key: Key) -> Key:
        return Key(self.placed(key.table), self.spelled(key.name))
