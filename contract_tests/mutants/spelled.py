"""A store in memory that changes names on their way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from dfbackends.api import (
    Alive,
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

_Event = Change | Confirmed[Stream] | Denied[Stream] | Alive


class _PlacedFeed(Feed[Stream, Change]):
    """Asks for streams under the names that they have in the store, and tells them under those by which it was asked."""

    def __init__(self, feed: Feed[Stream, Change], placed: Callable[[Stream], Stream]) -> None:
        self._feed = feed
        self._placed = placed
        self._asked: dict[Stream, Stream] = {}

    @property
    def position(self) -> Position | None:
        return self._feed.position

    def subscribe(self, topics: Sequence[Stream]) -> None:
        self._asked.update({self._placed(topic): topic for topic in topics})
        self._feed.subscribe([self._placed(topic) for topic in topics])

    def unsubscribe(self, topics: Sequence[Stream]) -> None:
        self._feed.unsubscribe([self._placed(topic) for topic in topics])

    def receive(self, timeout: float) -> Sequence[_Event]:
        return [self._told(item) for item in self._feed.receive(timeout)]

    def probe(self) -> bool:
        return self._feed.probe()

    def close(self) -> None:
        self._feed.close()

    def _told(
        self, item: Change | Confirmed[Stream] | Denied[Stream] | Alive
    ) -> Change | Confirmed[Stream] | Denied[Stream] | Alive:
        if isinstance(item, Change):
            return item._replace(stream=self._asked[item.stream])
        if isinstance(item, Confirmed | Denied):
            return replace(item, topic=self._asked[item.topic])
        return item


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
        return _PlacedFeed(super().watch(after), self._stream)

    def _stream(self, stream: Stream) -> Stream:
        return stream._replace(table=self.placed(stream.table))

    def _key(self, key: Key) -> Key:
        return Key(self.placed(key.table), self.spelled(key.name))
