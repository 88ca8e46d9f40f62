"""Writes in order, undone when one of them fails; works on every backend, and is not isolated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, NamedTuple

from dfbackends.api import Expect, Key, Record, Write
from dfbackends.encoder import Encoder
from dfbackends.errors import Closed, Error, KeyExists, KeyNotFound, OutcomeUnknown
from dfbackends.names import Namespace
from dfbackends.reliable import Reliable
from dfbackends.undo import Done, conflict, undo


class Step(NamedTuple):
    """One write of a batch: what must hold of the key, its new value (None: to be removed), its topic (None: as before)."""

    key: Key
    expect: Expect
    value: bytes | None
    topic: str | None


class Batch:
    """Collects writes, and sends them when its ``with`` block ends without an exception.

    The keys are read first, and each write expects what was read. When the block has ended, ``revisions`` has the new revision
    of each (table, key). A process that dies in the middle leaves the first of the writes done.

    :raises KeyExists, KeyNotFound: a create or an update, delete does not fit what was read; nothing was sent
    :raises Conflict: another client changed a key meanwhile; everything is as before
    :raises BackendError: the backend failed; everything is as before
    :raises RollbackFailed: one of the above, and ``keys`` may not be as before
    """

    def __init__(self, store: Reliable, encoder: Encoder, namespace: Namespace) -> None:
        self._store = store
        self._encoder = encoder
        self._namespace = namespace
        self._steps: list[Step] = []
        self._ended = False
        self.revisions: dict[tuple[str, str], int] = {}

    def create(self, table: str, key: str, value: Any, *, topic: str = "") -> None:
        """Add an entry when the batch is sent."""
        self._add(*self._encoder.entry(table, key, value, topic), Expect.ABSENT, topic)

    def put(self, table: str, key: str, value: Any, *, topic: str = "") -> None:
        """Add or replace an entry when the batch is sent."""
        self._add(*self._encoder.entry(table, key, value, topic), Expect.ANY, topic)

    def update(self, table: str, key: str, value: Any, *, topic: str | None = None) -> None:
        """Replace an entry when the batch is sent; without a topic it keeps its own."""
        self._add(*self._encoder.entry(table, key, value, "" if topic is None else topic), Expect.PRESENT, topic)

    def delete(self, table: str, key: str) -> None:
        """Remove an entry when the batch is sent."""
        self._add(self._encoder.key(table, key), None, Expect.PRESENT, "")

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended = True
        if kind is None and self._steps:
            self._send()

    def _add(self, key: Key, value: bytes | None, expect: Expect, topic: str | None) -> None:
        if self._ended:
            raise Closed("the batch has ended")
        self._steps.append(Step(key, expect, value, topic))

    def _send(self) -> None:
        most = self._store.driver.limits.commit
        keys = list(dict.fromkeys(step.key for step in self._steps))
        found: dict[Key, Record | None] = {}
        for start in range(0, len(keys), most):
            part = keys[start : start + most]
            found.update(zip(part, self._store.read(part), strict=True))
        writes = self._planned(dict(found))
        done: dict[Key, Done] = {}
        for group in _groups(writes, most):
            self._send_group(group, found, done)
        self.revisions = {
            (self._namespace.original(step.key.table.name), step.key.name): step.revision for step in done.values()
        }

    def _planned(self, state: dict[Key, Record | None]) -> list[Write]:
        """Return the writes, without expectations, after playing them through on what was read."""
        writes = []
        for key, expect, value, topic in self._steps:
            record = state[key]
            names = self._namespace.original(key.table.name), key.name
            if expect is Expect.ABSENT and record is not None:
                raise KeyExists(*names)
            if expect is Expect.PRESENT and record is None:
                raise KeyNotFound(*names)
            if topic is None:
                topic = record.topic if record is not None else ""
            writes.append(Write(key, value, topic))
            state[key] = Record(value, 0, topic) if value is not None else None
        return writes

    def _send_group(self, group: Sequence[Write], found: dict[Key, Record | None], done: dict[Key, Done]) -> None:
        """Send writes of different keys; add to ``done``, and to ``found`` what the keys hold then. Undo all on a failure."""
        expected = [write._replace(expect=_expectation(found[write.key])) for write in group]
        failure: Error | None = None
        doubtful: list[Key] = []
        try:
            outcomes = self._store.write(expected)
        except OutcomeUnknown as error:
            failure, doubtful, outcomes = error, [write.key for write in group], []
        except Error as error:
            failure, outcomes = error, []
        for write, outcome in zip(expected, outcomes, strict=failure is None):
            if isinstance(outcome, int):
                # A key that is written twice is put back in one step, to what it held before the first.
                before = done[write.key].before if write.key in done else found[write.key]
                done[write.key] = Done(write.key, before, outcome, write.value is None)
                found[write.key] = Record(write.value, outcome, write.topic) if write.value is not None else None
                continue
            if isinstance(outcome, OutcomeUnknown):
                doubtful.append(write.key)
            failure = failure or outcome or conflict(self._namespace, write.key)
        if failure is not None:
            undo(self._store, self._namespace, list(done.values()), doubtful, failure)
            raise failure


def _expectation(record: Record | None) -> Expect | int:
    return record.revision if record is not None else Expect.ABSENT


def _groups(writes: Sequence[Write], most: int) -> Iterator[list[Write]]:
    """Yield runs of writes of different keys, as long as the backend takes."""
    group: dict[Key, Write] = {}
    for write in writes:
        if write.key in group or len(group) == most:
            yield list(group.values())
            group = {}
        group[write.key] = write
    if group:
        yield list(group.values())
