"""The changes of tables, on one line that all replicas of a backend share."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from dfbackends.api import Change, Head, Key, Stream, Watching
from dfbackends.errors import Code
from dfbackends.line import Line
from dfbackends.pace import USUAL, Pace
from dfbackends.reliable import Reliable
from dfbackends.replica import Replica


class Changes:
    """Listens to a line of changes, and passes them to the replicas that follow their streams."""

    def __init__(self, store: Reliable, driver: Watching, *, pace: Pace = USUAL) -> None:
        """Take a store, and its driver once more as one that is watching."""
        errors, name = store.driver.errors, type(driver).__name__
        self.line: Line[Stream, Change] = Line(driver.watch, self, errors=errors, name=name, pace=pace)
        self._store = store
        self._driver = driver
        # Guards the replicas by stream; a tuple is replaced, never changed, so that the reader needs no lock.
        self._lock = threading.Lock()
        self._replicas: dict[Stream, tuple[Replica, ...]] = {}

    def follow(self, stream: Stream, replica: Replica, until: float) -> None:
        """Return when the backend has confirmed: from then on the replica gets each change of the stream, from its head on.

        :raises BackendError: it has not until then (time.monotonic), or denied
        """

        def begin(head: Head, _: float) -> None:
            with self._lock:
                others = self._replicas.get(stream, ())
                self._replicas[stream] = others if replica in others else (*others, replica)
            replica.begin(stream, head)

        self.line.subscribe(stream, replica, begin, until)

    def leave(self, streams: Iterable[Stream], replica: Replica) -> None:
        """Let a replica get nothing more of the streams."""
        for stream in streams:
            with self._lock:
                others = tuple(other for other in self._replicas.pop(stream, ()) if other is not replica)
                if others:
                    self._replicas[stream] = others
            self.line.unsubscribe(stream, replica)

    def heads(self, streams: Sequence[Stream], within: float) -> Sequence[Head]:
        """Return the heads of streams in the store.

        It is not asked again after so many seconds: who may be stale is told so before it is known why the store is silent.

        :raises Unavailable: the store stayed away
        """
        keys = [Key(table, "") for table, _ in streams]
        return self._store.repeated(lambda: self._driver.heads(streams), "comparing", keys, within)

    def heard(self, messages: Sequence[Change], now: float) -> None:
        """Pass on changes, those of one table together, so that an entry that moves is never seen to be missing."""
        for _, group in groupby(messages, key=lambda change: change.stream.table):
            changes = list(group)
            shares: dict[Replica, list[Change]] = {}
            for change in changes:
                for replica in self._replicas.get(change.stream, ()):
                    shares.setdefault(replica, []).append(change)
            for replica, share in shares.items():
                replica.apply(share)

    def lost(self, code: Code) -> None:
        """The line broke."""
        for replica in self._all():
            replica.interrupt()

    def resumed(self, heads: Mapping[Any, Head]) -> None:
        """The line goes on; what it does not go on with has to be loaded."""
        for stream, replicas in list(self._replicas.items()):
            for replica in replicas:
                if stream in heads:
                    replica.resume(stream, heads[stream])
                else:
                    replica.doubt([stream])

    def recovered(self) -> None:
        """The line works, and nobody follows anything."""
        replicas = self._all()
        with self._lock:
            self._replicas.clear()
        for replica in replicas:
            replica.doubt()

    def distrust(self) -> None:
        """Replace the line, which seems to work, and does not bring the changes."""
        self.line.distrust()

    def close(self, until: float) -> None:
        """End the line, by the time given (time.monotonic)."""
        self.line.close(until)

    def _all(self) -> set[Replica]:
        return {replica for replicas in list(self._replicas.values()) for replica in replicas}
