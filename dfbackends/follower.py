"""A thread that keeps a replica current: loads what is wanted, compares it with the store, and tells what changed."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable

from dfbackends.api import Stream, Table
from dfbackends.changes import Changes
from dfbackends.errors import BackendError, Closed, Code
from dfbackends.failures import Failures
from dfbackends.origin import origin
from dfbackends.outage import Outage
from dfbackends.pace import Pace
from dfbackends.reliable import Reliable
from dfbackends.replica import Replica, Tell

LOG = logging.getLogger(__name__)


class Follower:
    """Follows the changes of a table where there is a line of them, and else reads it again at each interval.

    ``place`` asks the store where the table is, for so many seconds at most.

    The replica counts as synced while all of it is current, and a comparison with the store has said so within two intervals.
    """

    def __init__(
        self,
        store: Reliable,
        place: Callable[[float], Table],
        *,
        table: str,
        topics: Iterable[str] | None,
        changes: Changes | None,
        interval: float,
        pace: Pace,
        outage: Outage,
        tell: Tell,
    ) -> None:
        self.replica: Replica = Replica(self._wake)
        self.loaded: bool = False
        """Whether the whole table, or all topics, were loaded once."""
        self.synced_at: float | None = None
        """When the replica was last known to be equal to the store (time.time)."""
        self._store = store
        self._place = place
        self._changes = changes
        self._interval = interval
        self._shortest, self._longest = pace.mirror
        self._outage = outage
        self._misses = Failures(LOG, logging.INFO)
        self._tell = tell
        # Guards what other threads set, and is told of all that the thread has to look at.
        self._news = threading.Condition()
        self._topics = frozenset(topics) if topics is not None else None
        self._moved = True
        self.stopped: bool = False
        # The thread's own.
        self._table: Table | None = None
        self._failed: Code | None = None
        self._proved = self._compared = -math.inf
        self._missed = False
        self._check_at = self._retry_at = 0.0
        self._pause = self._shortest
        self._told = False
        self._thread = threading.Thread(target=self._run, name=f"dfbackends-mirror-{table}", daemon=True)

    @property
    def synced(self) -> bool:
        """Whether the replica is known to be current, but for changes that are under way."""
        if self._moved or self.stopped or time.monotonic() - self._proved > 2 * self._interval:
            return False
        return self.loaded and self.replica.current

    @property
    def code(self) -> Code | None:
        """Why the replica is not synced; None while it is, or where nothing has failed."""
        if self.synced or self.stopped:
            return None
        return (self._changes.line.code if self._changes is not None else None) or self._failed

    @property
    def thread(self) -> threading.Thread:
        """The one that follows."""
        return self._thread

    @property
    def topics(self) -> frozenset[str] | None:
        """The topics that are followed, None for all entries."""
        return self._topics

    def follow(self, topics: Iterable[str] | None) -> None:
        """Follow other topics from now on."""
        with self._news:
            self._topics = frozenset(topics) if topics is not None else None
            self._moved = True
            self._news.notify_all()

    def wait(self, timeout: float) -> bool:
        """Wait until the replica is synced; return whether it was, which may have changed since."""
        with self._news:
            return self._news.wait_for(lambda: self.synced or self.stopped, timeout) and not self.stopped

    def stop(self) -> None:
        """Do nothing more; the thread ends by itself."""
        with self._news:
            self.stopped = True
            self._news.notify_all()

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    def join(self, timeout: float) -> None:
        """Wait for the thread to end, where it is not the one that asks."""
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def _wake(self) -> None:
        with self._news:
            self._news.notify_all()

    def _run(self) -> None:
        while self._wait():
            # To mend takes as long as the store is away: who may be stale says so first.
            self._say()
            try:
                self._move()
                self._load()
                self._check()
            except Closed:
                break
            except Exception as error:  # noqa: BLE001 - whatever it is, a mirror that stands still would be wrong in silence.
                self._failed = error.code if isinstance(error, BackendError) else "protocol"
                self._outage.down(self._failed, f"{self._thread.name}: {origin(error)}", self)
                self._retry_at = time.monotonic() + self._pause
                self._pause = min(2 * self._pause, self._longest)
            self._say()
        self.stopped = True
        self._outage.leave(self)
        if self._changes is not None:
            self._changes.leave(self.replica.follow(()), self.replica)

    def _say(self) -> None:
        if self.replica.lapse() and self._told:
            self._tell((), synced=False)
        self._told = self.synced
        self._tell(self.replica.untold(), synced=self._told)

    def _wait(self) -> bool:
        """Wait until there is something to do; return False at the end."""
        with self._news:
            while not self.stopped:
                now = time.monotonic()
                at = self._due()
                if at <= now or self.replica.has_untold() or self.synced != self._told:
                    return True
                self._news.wait(min(at - now, self._interval))
            return False

    def _due(self) -> float:
        """Return when there is something to do, if nothing changes until then."""
        if self._moved or self.replica.wanted():
            return self._retry_at
        # While the line is down there is nothing to compare; that it goes on is a change.
        return max(self._check_at, self._retry_at) if self.replica.current else math.inf

    def _move(self) -> None:
        """Turn to the topics that are wanted now."""
        if not self._moved or time.monotonic() < self._retry_at:
            return
        table = self._table = self._place(math.inf)
        self._say()  # Whoever has set the topics waits to be told that they are current, as news.
        with self._news:
            self._moved = False
            topics = self._topics
        old = self.replica.follow([Stream(table)] if topics is None else [Stream(table, topic) for topic in topics])
        if self._changes is not None:
            self._changes.leave(old, self.replica)

    def _load(self) -> None:
        wanted = self.replica.wanted()
        if time.monotonic() < self._retry_at or (self.loaded and not wanted):
            return
        began = time.monotonic()
        for stream in wanted:
            if self._changes is None:
                self.replica.begin(stream, "")
            else:
                self._changes.follow(stream, self.replica, time.monotonic() + self._store.patience.deadline)
            try:
                self.replica.load(stream, self._store.scan(stream.table, stream.topic))
            except Exception:
                self.replica.doubt([stream])
                raise
        if self.replica.current:
            self._prove(began)
            # What was read may have come from another store than the changes do: whoever read it says where that one is.
            self._check_at = 0.0 if self._changes is not None else self._check_at

    def _check(self) -> None:
        """Compare with the store when it is time; find what the store told at the last comparison to have come."""
        if time.monotonic() < self._retry_at or not self.replica.current:
            return
        overdue = self.replica.overdue()
        if not overdue and self._compared > self._proved:
            self._missed = False
            self._prove(self._compared)
        if time.monotonic() < self._check_at:
            return
        self._check_at = time.monotonic() + self._interval
        if self._place(2 * self._interval) != self._table:
            # Somebody has created it only now, or once more in a store that was wiped.
            with self._news:
                self._moved = True
        elif self._changes is None:
            self.replica.doubt()
            self._load()
        elif overdue:
            self._misses.tell("missed", "%s has missed changes, and loads again", self._thread.name)
            if self._missed:
                # It was loaded again, and misses changes again: they come from somewhere else than the store.
                self._changes.distrust()
            self._missed = True
            self.replica.doubt(overdue)
        else:
            changes, began = self._changes, time.monotonic()
            if self.replica.check(lambda streams: changes.heads(streams, 2 * self._interval)):
                self._missed = False
                self._prove(began)
            else:
                self._compared = began

    def _prove(self, at: float) -> None:
        """Note that the replica was equal to the store at a time (time.monotonic)."""
        self._outage.up(self)
        self._pause = self._shortest
        with self._news:
            self.loaded = True
            self._failed = None
            self._proved = time.monotonic()
            self.synced_at = time.time() - (self._proved - at)
            self._check_at = self._proved + self._interval
            self._news.notify_all()
