"""Lines that follow the log of a file."""

from __future__ import annotations

import contextlib
import threading
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, TypeVar

from dfbackends.api import Alive, Change, Confirmed, Denied, Feed, Gone, Message, Position, Record, Stream
from dfbackends.drivers.sqlite import place
from dfbackends.drivers.sqlite.faults import HandleClosed
from dfbackends.drivers.sqlite.file import Connection, File
from dfbackends.drivers.sqlite.heads import Heads
from dfbackends.drivers.sqlite.place import Place
from dfbackends.drivers.sqlite.stream import StreamName
from dfbackends.drivers.sqlite.wake import Bell, Ringer

_ENOUGH = 1000
_ENOUGH_BYTES = 4 << 20
_LOOK_EVERY = 1.0
_CLOSE_WITHIN = 4.0

T = TypeVar("T")
M = TypeVar("M", bound=Message | Change)


class _LogFeed(Feed[T, M]):
    """Reads the log from a place on, and keeps what belongs to its topics.

    A subscription takes effect at the end of the log, as it is when ``receive`` comes to it; those made before the first
    ``receive`` of a feed that goes on from a position take effect at that position.
    """

    _rows: ClassVar[str]

    def __init__(self, file: File, after: Position | None) -> None:
        self._file = file
        self._asked: deque[tuple[bool, T]] = deque()
        self._resumes = after is not None
        self._closed = False
        # Held by the one who uses the connection: receive, or close at the end.
        self._in_use = threading.Lock()
        self._look_at = 0.0
        with contextlib.ExitStack() as undo:
            self._bell = Bell()
            undo.callback(self._bell.close)
            self._ringer = Ringer()
            undo.callback(self._ringer.close)
            self._connection = file.connect()
            undo.callback(self._connection.close)
            # Who writes after this rings; what was written before is in the log.
            self._connection.execute("INSERT INTO listener(address) VALUES (?)", (self._bell.address,))
            self._place = self._start(self._connection, None if after is None else place.found(self._connection, after))
            self._resources = undo.pop_all()

    @property
    def position(self) -> Position | None:
        return Position(self._place.token)

    def subscribe(self, topics: Sequence[T]) -> None:
        self._ask(topics, wanted=True)

    def unsubscribe(self, topics: Sequence[T]) -> None:
        self._ask(topics, wanted=False)

    def _ask(self, topics: Sequence[T], *, wanted: bool) -> None:
        self._asked.extend((wanted, topic) for topic in topics)
        self._ringer.ring([self._bell.address])

    def receive(self, timeout: float) -> Sequence[M | Confirmed[T] | Denied[T] | Alive]:
        until = time.monotonic() + timeout
        with self._in_use:
            while not self._closed:
                received = self._at_hand()
                remaining = until - time.monotonic()
                if received or remaining <= 0:
                    return received
                self._bell.wait(remaining)
                # A ring that is forgotten here was for something that is looked at now.
                self._bell.silence()
            raise HandleClosed

    def _at_hand(self) -> list[M | Confirmed[T] | Denied[T] | Alive]:
        if time.monotonic() > self._look_at:
            self._file.verify(self._connection.identity)
            self._look_at = time.monotonic() + _LOOK_EVERY
        found: list[M | Confirmed[T] | Denied[T] | Alive] = []
        asked = len(self._asked)
        if self._resumes:
            self._resumes = False
            found += self._granted(asked)
            asked = 0
        here, size = self._place, 0
        with contextlib.closing(self._connection.execute(self._rows, (here.seq,))) as rows:
            first = next(rows, None)
            if first is None or first[:2] != here:
                raise Gone("the log was trimmed past this place, or replaced by another one")
            for seq, op, *row in rows:
                here = Place(seq, op)
                told = [*self._told(here, *row)]
                if not told:
                    continue
                found += told
                size += len(row[-1] or b"")
                if len(found) >= _ENOUGH or size >= _ENOUGH_BYTES:
                    break
            else:
                found += self._granted(asked)
        # What was not returned because of an exception is read again by the feed that goes on from here.
        self._place = here
        return found

    def _granted(self, asked: int) -> Iterator[Confirmed[T]]:
        for _ in range(asked):
            wanted, topic = self._asked.popleft()
            if wanted:
                yield Confirmed(topic, self._enter(topic))
            else:
                self._leave(topic)

    @abstractmethod
    def _start(self, connection: Connection, after: Place | None) -> Place:
        """Return the place to begin at, by default the end of the log."""

    @abstractmethod
    def _enter(self, topic: T) -> str:
        """Subscribe to a topic, and return its head."""

    @abstractmethod
    def _leave(self, topic: T) -> None:
        """Unsubscribe from a topic."""

    @abstractmethod
    def _told(self, at: Place, *row: Any) -> Iterator[M]:
        """Yield what the topics are told of a row of the log."""

    def probe(self) -> bool:
        return False

    def close(self) -> None:
        self._closed = True
        self._ringer.ring([self._bell.address])
        if self._in_use.acquire(timeout=_CLOSE_WITHIN):
            try:
                # Where somebody else writes, the next writer finds the bell gone, and removes it.
                with self._resources, contextlib.suppress(Exception):
                    self._connection.execute("PRAGMA busy_timeout = 50")
                    self._connection.execute("DELETE FROM listener WHERE address = ?", (self._bell.address,))
            finally:
                self._in_use.release()


class MessageFeed(_LogFeed[str, Message]):
    """The messages of topics."""

    _rows = (
        "SELECT seq, op, CASE WHEN tbl IS NULL THEN CAST(topic AS TEXT) END, CASE WHEN tbl IS NULL THEN value END "
        "FROM log WHERE seq >= ? ORDER BY seq"
    )

    def _start(self, connection: Connection, after: Place | None) -> Place:
        self._heads: dict[str, str] = {}
        return place.end(connection) if after is None else after

    def _enter(self, topic: str) -> str:
        return self._heads.setdefault(topic, self._place.token)

    def _leave(self, topic: str) -> None:
        self._heads.pop(topic, None)

    def _told(self, at: Place, *row: Any) -> Iterator[Message]:
        topic, data = row
        if topic in self._heads:
            yield Message(topic, data, self._heads[topic], at.token)
            self._heads[topic] = at.token


class ChangeFeed(_LogFeed[Stream, Change]):
    """The changes of streams. The feed carries the heads of all of them, so that it knows the one at each place."""

    _rows = (
        "SELECT seq, op, CAST(tbl AS TEXT), CAST(name AS TEXT), CAST(topic AS TEXT), CAST(was AS TEXT), "
        "CASE WHEN tbl IS NOT NULL THEN value END FROM log WHERE seq >= ? ORDER BY seq"
    )

    def _start(self, connection: Connection, after: Place | None) -> Place:
        self._streams: dict[StreamName, Stream] = {}
        self._heads = Heads(connection, after)
        return self._heads.place

    def _enter(self, topic: Stream) -> str:
        name = _name(topic)
        self._streams[name] = topic
        return self._heads[name]

    def _leave(self, topic: Stream) -> None:
        self._streams.pop(_name(topic), None)

    def _told(self, at: Place, *row: Any) -> Iterator[Change]:
        table, name, topic, was, value = row
        if table is not None:
            record = None if value is None else Record(value, at.seq, topic)
            told = {"": record}
            if was:
                told[was] = None
            if topic:
                told[topic] = record
            for told_topic, told_record in told.items():
                stream = self._streams.get((table, told_topic))
                if stream is not None:
                    prev = self._heads[table, told_topic]
                    yield Change(stream, name, told_record, at.seq, prev, at.token)
        self._heads.note(at, table, topic, was)


def _name(stream: Stream) -> StreamName:
    return stream.table.name, stream.topic or ""
