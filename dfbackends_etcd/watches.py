"""The watches of a line, and how far each of them was told."""

from __future__ import annotations

from collections import deque
from typing import Any, Generic, NamedTuple, TypeVar

from dfbackends_etcd.place import Place, witness
from dfbackends_etcd.store import Store

T = TypeVar("T")


class Number(NamedTuple):
    """What a watch is known by: a stream, and its number there."""

    stream: int
    watch: int


class Asked(NamedTuple, Generic[T]):
    """A topic that the member will confirm, and the revision at which it begins; 0 for the next one."""

    topic: T
    key: bytes
    start: int


class Watched(Generic[T]):
    """A topic that was confirmed."""

    __slots__ = ("at", "count", "head", "key", "topic")

    def __init__(self, topic: T, key: bytes, at: int) -> None:
        self.topic = topic
        self.key = key
        self.at = at
        """The revision up to which everything was told."""
        self.head = str(at)
        """What the core knows as the head."""
        self.count = 0
        """How often the key was put that tells of each change; 0 where that is not known."""


class Watches(Generic[T]):
    """Which topics are watched. The reader of the line uses it; what others change, too, is changed under the line's lock.

    How far one of them was told only its own events tell, and what the member says of it every ten minutes. That another watch
    was told more proves nothing: one that has just gone on may have to wait for its turn. So the place of a line is as old
    as its oldest watch, at worst.
    """

    def __init__(self, revision: int) -> None:
        """Know nothing but that the store has come to a revision."""
        self.asked: dict[int, deque[Asked[T]]] = {}
        """What is not answered yet, by stream: on each of them the answers come in order."""
        self.wanted: set[T] = set()
        self.last: Any = None
        """The last key that was seen to be put, where it tells this store from its copies."""
        self._numbers: dict[T, Number] = {}
        self._watches: dict[Number, Watched[T]] = {}
        self._seen = revision

    def __getitem__(self, number: Number) -> Watched[T] | None:
        return self._watches.get(number)

    def add(self, number: Number, watch: Watched[T]) -> Watched[T] | None:
        """Take a watch in; return the one that there is already, or None. A topic that nobody wants has none."""
        before = self._numbers.get(watch.topic)
        if before is not None:
            return self._watches[before]
        if watch.topic in self.wanted:
            self._numbers[watch.topic] = number
            self._watches[number] = watch
        return None

    def discard(self, topic: T) -> Number | None:
        """Want a topic no more; return the number of its watch."""
        self.wanted.discard(topic)
        number = self._numbers.pop(topic, None)
        if number is not None:
            del self._watches[number]
        return number

    def is_behind(self, topic: T, revision: int) -> bool:
        """Tell whether a topic is watched, and what was done to it up to a revision may still have to be told."""
        number = self._numbers.get(topic)
        watch = self._watches.get(number) if number is not None else None
        return watch is not None and watch.at < revision

    def see(self, revision: int) -> None:
        """Take in that the store has come to a revision."""
        self._seen = max(self._seen, revision)

    def place(self, store: Store, base: Place | None) -> Place:
        """Return the place behind what was told; what nobody has asked for is still where it was at first."""
        told = {watch.key: watch.at for watch in list(self._watches.values())}
        for asked in list(self.asked.values()):
            for _, key, start in list(asked):
                if start:
                    told.setdefault(key, start - 1)
        now = store._replace(revision=max(store.revision, self._seen))
        last = witness(self.last)
        if told:
            revision = min(told.values())
            return Place(now, revision, {key.decode(): at for key, at in told.items() if at > revision}, last)
        if base is not None:
            return base._replace(store=now)
        return Place(now, self._seen, {}, last)
