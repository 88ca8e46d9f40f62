"""One reader of the log."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence

from dfbackends.api import Alive, Confirmed, Denied, Feed, Gone, Message, Position, Record
from dfbackends.drivers.log.entries import ID, Log

_PAGE = 100
_SHORTEST, _LONGEST = 0.02, 0.25


class Ended(Exception):
    """The feed was closed."""


class LogFeed(Feed[str, Message]):
    """Reads the log from a place on."""

    def __init__(self, log: Log, after: Position | None) -> None:
        self._log = log
        self._woken = threading.Event()
        self._closed = False
        # Written by any thread, read by the one that receives: the wishes, each with whether to subscribe.
        self._wishes: deque[tuple[str, bool]] = deque()
        self._heads: dict[str, str] = {}
        self._due: tuple[int, list[tuple[str, bool]]] | None = None
        self._pause = _SHORTEST
        self._resuming = after is not None
        self._name, self._last, self._revision = self._start(after)

    @property
    def position(self) -> Position:
        return Position(f"{self._name}:{self._last}:{self._revision}")

    def subscribe(self, topics: Sequence[str]) -> None:
        self._wishes.extend((topic, True) for topic in topics)
        self.wake()

    def unsubscribe(self, topics: Sequence[str]) -> None:
        self._wishes.extend((topic, False) for topic in topics)
        self.wake()

    def receive(self, timeout: float) -> list[Message | Confirmed[str] | Denied[str] | Alive]:
        until = time.monotonic() + timeout
        while True:
            self._woken.clear()
            if self._closed:
                raise Ended
            events = [*self._polled()]
            if events:
                self._pause = _SHORTEST
                return events
            remaining = until - time.monotonic()
            if remaining <= 0:
                return []
            self._woken.wait(min(self._pause, remaining))
            self._pause = min(1.5 * self._pause, _LONGEST)

    def probe(self) -> bool:
        return False

    def wake(self) -> None:
        """Look at the log now."""
        self._woken.set()

    def close(self) -> None:
        self._closed = True
        self.wake()

    def _start(self, after: Position | None) -> tuple[str, int, int]:
        if after is None:
            last = self._log.end() - 1
            name, _, [anchor] = self._log.read([last])
            return name, last, anchor.revision if anchor is not None else 0
        name, number, revision = after.split(":")
        place = name, int(number), int(revision)
        found, tail, [anchor] = self._log.read([place[1]])
        _check(place, found, tail, anchor)
        return place

    def _polled(self) -> Iterator[Message | Confirmed[str] | Denied[str] | Alive]:
        if self._due is None and self._wishes:
            wishes = [self._wishes.popleft() for _ in range(len(self._wishes))]
            # What was there before the wish is no history for a topic that is new; one that is resumed goes on from here.
            end = self._last + 1 if self._resuming else self._log.end(self._last + 1)
            self._due = end, wishes
        self._resuming = False
        yield from self._grant()
        numbers = range(self._last, self._last + _PAGE)
        name, tail, [anchor, *found] = self._log.read(numbers)
        _check((self._name, self._last, self._revision), name, tail, anchor)
        for number, record in zip(numbers[1:], found, strict=True):
            if record is None:
                break
            self._last, self._revision = number, record.revision
            prev = self._heads.get(record.topic)
            if prev is not None:
                self._heads[record.topic] = head = str(number)
                yield Message(record.topic, record.value[ID:], prev, head)
            yield from self._grant()

    def _grant(self) -> Iterator[Confirmed[str]]:
        """Fulfil the wishes once everything is read that was there before them."""
        if self._due is None or self._last + 1 < self._due[0]:
            return
        for topic, wanted in self._due[1]:
            if wanted:
                yield Confirmed(topic, self._heads.setdefault(topic, str(self._last)))
            else:
                self._heads.pop(topic, None)
        self._due = None


def _check(place: tuple[str, int, int], name: str, tail: int, anchor: Record | None) -> None:
    """Return where the message that was read last is still the one that it was, or may be behind the tail."""
    known, last, revision = place
    if name != known or last + 1 < tail or (last >= tail and (anchor is None or anchor.revision != revision)):
        raise Gone
