"""What the handles of one name share: entries, the log of their changes and of messages, outcomes of operations."""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import NamedTuple
from weakref import WeakValueDictionary

from dfbackends.api import (
    Change,
    Expect,
    Gone,
    Key,
    Message,
    OpId,
    Record,
    Stream,
    Table,
    Write,
)

_FENCED_FOR = 3600.0

Outcome = tuple[int | None, ...]


class Logged(NamedTuple):
    """One write, as it looks in each stream that it concerns, or one message."""

    seq: int
    changes: Sequence[Change] = ()
    message: Message | None = None


class Outcomes:
    """What operations did, by their ids. Each is kept for at least one term, and at most two."""

    def __init__(self, term: float, clock: Callable[[], float]) -> None:
        self.term = term
        self._clock = clock
        self._young: dict[OpId, Outcome] = {}
        self._old: dict[OpId, Outcome] = {}
        self._turned = clock()

    def get(self, op: OpId) -> Outcome | None:
        return self._young.get(op, self._old.get(op))

    def keep(self, op: OpId, outcome: Outcome) -> None:
        now = self._clock()
        if now > self._turned + self.term:
            self._turned, self._old, self._young = now, self._young, {}
        self._young[op] = outcome


class Store:
    """What the handles of one name share. Whoever calls a method holds ``lock``; ``changed`` tells the feeds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.id: str = uuid.uuid4().hex
        self.lock: threading.Lock = threading.Lock()
        self.changed: threading.Condition = threading.Condition(self.lock)
        self.tables: dict[Table, dict[str, Record]] = {}
        self.topics: dict[Stream, dict[str, Record]] = {}
        self.heads: dict[Stream, str] = {}
        self.done: Outcomes = Outcomes(0.0, clock)
        self.fences: Outcomes = Outcomes(_FENCED_FOR, clock)
        self.last: int = 0
        self.log: deque[Logged] = deque()
        self.log_rows = 0
        self.forgotten: int = 0

    def meets(self, key: Key, expect: Expect | int) -> bool:
        if expect is Expect.ANY:
            return True
        record = self.tables.get(key.table, {}).get(key.name)
        if record is None:
            return expect is Expect.ABSENT
        return expect is Expect.PRESENT or expect == record.revision

    def put(self, write: Write, op: OpId) -> int:
        """Do a write and return its revision."""
        (table, name), value, topic, _ = write
        revision = self._next()
        record = None if value is None else Record(value, revision, topic)
        entries = self.tables.setdefault(table, {})
        before = entries.pop(name, None)
        told: dict[str | None, Record | None] = {None: record}
        if before is not None and before.topic:
            left = self.topics[Stream(table, before.topic)]
            del left[name]
            if not left:
                del self.topics[Stream(table, before.topic)]
            told[before.topic] = None
        if record is not None:
            entries[name] = record
            if topic:
                self.topics.setdefault(Stream(table, topic), {})[name] = record
                told[topic] = record
        head = f"{revision}:{op}"
        changes = []
        for told_topic, told_record in told.items():
            stream = Stream(table, told_topic)
            changes.append(Change(stream, name, told_record, revision, self.heads.get(stream, ""), head))
            self.heads[stream] = head
        self._append(Logged(revision, changes))
        return revision

    def send(self, message: Message) -> None:
        self._append(Logged(self._next(), message=message))

    def since(self, seq: int) -> list[Logged]:
        """Return what was logged after a place.

        :raises Gone: a part of it is forgotten, or the place was never reached
        """
        if not self.forgotten <= seq <= self.last:
            raise Gone("the log was trimmed past this place")
        return list(takewhile(lambda logged: logged.seq > seq, reversed(self.log)))[::-1]

    def _next(self) -> int:
        # A store of the same name that is made later must not give a revision again: it goes on with the time.
        self.last = max(self.last + 1, time.time_ns() // 1000)
        return self.last

    def _append(self, logged: Logged) -> None:
        self.log.append(logged)
        while len(self.log) > self.log_rows:
            self.forgotten = self.log.popleft().seq


_stores: WeakValueDictionary[str, Store] = WeakValueDictionary()
_stores_lock = threading.Lock()  # Guards _stores.


def shared(name: str, *, log_rows: int = 10_000, keep: float = 100.0) -> Store:
    """Return the store of a name; it lives as long as somebody holds it.

    It remembers ``log_rows`` writes and messages, and the outcome of an operation for ``keep`` seconds; where handles
    ask for different figures the largest holds.
    """
    with _stores_lock:
        store = _stores.setdefault(name, Store())
    with store.lock:
        store.log_rows = max(store.log_rows, log_rows)
        store.done.term = max(store.done.term, keep)
    return store
