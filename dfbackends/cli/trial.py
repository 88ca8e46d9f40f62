"""A backend, tried: each thing that it is for is done some times, and timed."""

from __future__ import annotations

import queue
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from dfbackends.errors import BackendError, Error, KeyNotFound, Refused, Unavailable

if TYPE_CHECKING:
    from dfbackends import Backend, Changed, Loss

NAME = "dfbackends-check"
"""The table that is written to, and the topic that is published to; so that nothing is met that is somebody's."""

_ROUNDS = 21
_LONGEST = 1.0
"""Seconds after which no other round begins."""

_FORGOTTEN = 3600.0
"""Age in seconds of an entry whose trial was killed before it could remove it."""


class Step(NamedTuple):
    """One thing that was tried: the median of its rounds in seconds, or why it failed."""

    name: str
    rounds: int
    median: float | None
    error: BackendError | None


class Trial:
    """Tries one backend. What it writes is of its own, and removed by ``clean``."""

    def __init__(self, backend: Backend, *, watching: bool, deadline: float) -> None:
        """``watching`` tells whether the store tells of changes, ``deadline`` how long one of them, or a message, may take."""
        self._backend = backend
        self._db = backend.db
        self._watching = watching
        self._deadline = deadline
        self._key = uuid.uuid4().hex
        self._round = 0
        self._begun = self._written = False
        self._heard: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def steps(self) -> Iterator[Step]:
        """Yield each step when it was done. The last one is that in which the backend was away."""
        tried: dict[str, Callable[[], object]] = {"write": self._write, "read": self._read, "list": self._list}
        if self._db.transactional:
            tried["transaction"] = self._transact
        with ExitStack() as opened:
            for name, step in tried.items():
                yield (done := _timed(name, step))
                if isinstance(done.error, Unavailable):
                    return
            # A store that can not be written to has no changes to tell of.
            if self._watching and self._written:
                yield _timed("watch", self._watch, lambda: self._open_mirror(opened))
            yield _timed("publish", self._publish, lambda: self._subscribe(opened))

    def clean(self) -> Error | None:
        """Remove what was written; return why it could not be."""
        if not self._begun:
            return None
        try:
            self._delete(self._key)
            others = list(self._db.entries(NAME))
            for entry in others:
                if entry.value["at"] < time.time() - _FORGOTTEN:
                    self._delete(entry.key)
            # Not while somebody else tries the backend, too.
            if NAME in self._db.tables() and next(self._db.keys(NAME), None) is None:
                self._db.drop(NAME)
        except Error as error:
            return error
        return None

    def _delete(self, key: str) -> None:
        with suppress(KeyNotFound):
            self._db.delete(NAME, key)

    def _value(self) -> dict[str, Any]:
        self._round += 1
        return {"at": time.time(), "round": self._round}

    def _write(self) -> None:
        # A write that fails may have been done.
        self._begun = True
        self._db.put(NAME, self._key, self._value(), topic=NAME)
        self._written = True

    def _read(self) -> None:
        [entry] = self._db.get_many(NAME, [self._key])
        if self._written and (entry is None or entry.value["round"] != self._round):
            raise Refused("what was read is not what was written before", code="protocol")

    def _list(self) -> None:
        keys = set(self._db.keys(NAME, topic=NAME))
        if self._written and self._key not in keys:
            raise Refused("an entry that was written is not listed", code="protocol")

    def _transact(self) -> None:
        with self._db.transaction() as transaction:
            transaction.put(NAME, self._key, self._value(), topic=NAME)
        self._written = True

    def _open_mirror(self, opened: ExitStack) -> None:
        def changed(change: Changed) -> None:
            if change.key == self._key and change.new is not None:
                self._heard.put(change.new.value["round"])

        mirror = opened.enter_context(self._backend.mirror(NAME, topics=[NAME], on_change=changed))
        mirror.wait_synced(self._deadline)

    def _watch(self) -> None:
        self._write()
        self._await(self._round, "a change")

    def _subscribe(self, opened: ExitStack) -> None:
        def heard(_: str, message: Any) -> None:
            self._heard.put(message)

        def lost(_: object, loss: Loss) -> None:
            self._heard.put(Unavailable(f"the line of messages told {loss.reason.name}", code=loss.code or "unreachable"))

        opened.enter_context(self._backend.pubsub.subscribe(NAME, heard, on_loss=lost))

    def _publish(self) -> None:
        message: Any = [self._key, self._value()]
        self._backend.pubsub.publish(NAME, message)
        self._await(message, "a message")

    def _await(self, wanted: object, what: str) -> None:
        """Wait until it is heard, passing over what others publish, and what came too late before."""
        until = time.monotonic() + self._deadline
        while True:
            try:
                found = self._heard.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                raise Unavailable(f"{what} did not arrive within {self._deadline:g} s", code="unreachable") from None
            if isinstance(found, Error):
                raise found
            if found == wanted:
                return


def _timed(name: str, step: Callable[[], object], prepare: Callable[[], object] = lambda: None) -> Step:
    """Return how long a step takes. The first round, which may have to connect, is not counted."""
    times: list[float] = []
    try:
        prepare()
        step()
        until = time.monotonic() + _LONGEST
        while len(times) < _ROUNDS and (not times or time.monotonic() < until):
            began = time.perf_counter()
            step()
            times.append(time.perf_counter() - began)
    except BackendError as error:
        return Step(name, len(times), None, error)
    except Error as error:
        refused = Refused(f"{type(error).__name__}: {error}", code="protocol")
        refused.__cause__ = error
        return Step(name, len(times), None, refused)
    return Step(name, len(times), median(times), None)
