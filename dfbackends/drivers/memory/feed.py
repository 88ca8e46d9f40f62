"""Lines that follow the log of a store in memory."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TypeVar

from dfbackends.api import (
    Alive,
    Change,
    Confirmed,
    Denied,
    Feed,
    Gone,
    Message,
    Position,
    Stream,
)
from dfbackends.drivers.memory.handle import HandleClosed
from dfbackends.drivers.memory.store import Logged, Store

_ENOUGH = 1000

T = TypeVar("T")
M = TypeVar("M", bound=Message | Change)


class _LogFeed(Feed[T, M]):
    """Reads the log from a place on, and keeps what belongs to its topics.

    A subscription takes effect at the end of the log, as it is when ``receive`` comes to it; those made before the first
    ``receive`` of a feed that goes on from a position take effect at that position.
    """

    def __init__(self, store: Store, after: Position | None) -> None:
        self._store = store
        # Guarded by store.lock, with all that follows.
        self._asked: deque[tuple[bool, T]] = deque()
        self._heads: dict[T, str] = {}
        self._closed = False
        self._resumes = after is not None
        with store.lock:
            self._seq = store.last if after is None else self._found(after)

    def _found(self, position: Position) -> int:
        seq, _, history = position.partition(":")
        if history != self._store.id:
            raise Gone("this place belongs to another store")
        self._store.since(int(seq))
        return int(seq)

    @property
    def position(self) -> Position | None:
        return Position(f"{self._seq}:{self._store.id}")

    def subscribe(self, topics: Sequence[T]) -> None:
        self._ask(topics, wanted=True)

    def unsubscribe(self, topics: Sequence[T]) -> None:
        self._ask(topics, wanted=False)

    def _ask(self, topics: Sequence[T], *, wanted: bool) -> None:
        with self._store.lock:
            self._asked.extend((wanted, topic) for topic in topics)
            self._store.changed.notify_all()

    def receive(self, timeout: float) -> Sequence[M | Confirmed[T] | Denied[T] | Alive]:
        until = time.monotonic() + timeout
        with self._store.lock:
            received = self._at_hand()
            while not received and (remaining := until - time.monotonic()) > 0:
                self._store.changed.wait(remaining)
                received = self._at_hand()
            return received

    def _at_hand(self) -> list[M | Confirmed[T] | Denied[T] | Alive]:
        if self._closed:
            raise HandleClosed
        found: list[M | Confirmed[T] | Denied[T] | Alive] = []
        if self._resumes:
            self._resumes = False
            found += self._granted()
        for logged in self._store.since(self._seq):
            if len(found) >= _ENOUGH:
                return found
            self._seq = logged.seq
            found += self._told(logged)
        found += self._granted()
        return found

    def _granted(self) -> Iterator[Confirmed[T]]:
        while self._asked:
            wanted, topic = self._asked.popleft()
            if not wanted:
                self._heads.pop(topic, None)
                continue
            if topic not in self._heads:
                self._heads[topic] = self._head(topic)
            yield Confirmed(topic, self._heads[topic])

    @abstractmethod
    def _told(self, logged: Logged) -> Iterator[M]:
        """Yield what the subscribed topics are told of it, and note their new heads."""

    @abstractmethod
    def _head(self, topic: T) -> str:
        """Return the head of a topic at the place of this feed."""

    def probe(self) -> bool:
        return False

    def close(self) -> None:
        with self._store.lock:
            self._closed = True
            self._store.changed.notify_all()


class MessageFeed(_LogFeed[str, Message]):
    """The messages of topics."""

    def _told(self, logged: Logged) -> Iterator[Message]:
        message = logged.message
        if message is not None and message.topic in self._heads:
            head = str(logged.seq)
            yield message._replace(prev=self._heads[message.topic], head=head)
            self._heads[message.topic] = head

    def _head(self, topic: str) -> str:
        return str(self._seq)


class ChangeFeed(_LogFeed[Stream, Change]):
    """The changes of streams."""

    def _told(self, logged: Logged) -> Iterator[Change]:
        for change in logged.changes:
            if change.stream in self._heads:
                yield change
                self._heads[change.stream] = change.head

    def _head(self, topic: Stream) -> str:
        later = (change for logged in self._store.since(self._seq) for change in logged.changes if change.stream == topic)
        change = next(later, None)
        return self._store.heads.get(topic, "") if change is None else change.prev
