"""Publish, and open feeds, over a store."""

from __future__ import annotations

import contextlib
import threading
import uuid
import weakref
from collections.abc import Sequence

from dfbackends.api import DbApi, Limits, Message, Position, PubSubApi, Table
from dfbackends.drivers.log.entries import ID, Log
from dfbackends.drivers.log.feed import LogFeed
from dfbackends.errors import ErrorTable

_REMEMBERED = 1_000


class _Sending:
    """How far the messages of one call have come."""

    def __init__(self) -> None:
        self.done = 0
        self.number = 0
        self.name = uuid.uuid4().hex

    def advance(self) -> None:
        self.done += 1
        self.number = 0
        self.name = uuid.uuid4().hex


class LogPubSub(PubSubApi):
    """Carries messages in a table of a store, which keeps the last ``rows`` of them, or an eighth more."""

    def __init__(self, db: DbApi, table: Table, *, rows: int = 10_000) -> None:
        self.errors: ErrorTable = db.errors
        self.limits: Limits = db.limits._replace(value=db.limits.value - ID)
        self.failover: float = db.failover
        self.timeout: float = db.timeout
        self._log = Log(db, table, rows)
        # Guards the three below, and keeps the messages of one call together.
        self._lock = threading.Lock()
        self._next = 0
        self._added = 0
        self._unfinished: dict[tuple[Message, ...], _Sending] = {}
        self._feeds: weakref.WeakSet[LogFeed] = weakref.WeakSet()
        self._trim_after = max(rows // 8, 1)

    def publish(self, messages: Sequence[Message]) -> None:
        """Add the messages. The same ones again, after an error, are added only where they are not there yet."""
        key = tuple(messages)
        with self._lock:
            # Whoever gave up on messages long ago does not send them again.
            while len(self._unfinished) > _REMEMBERED:
                self._unfinished.pop(next(iter(self._unfinished)))
            sending = self._unfinished.setdefault(key, _Sending())
            if not self._next:
                self._next = self._log.end()
            for message in messages[sending.done :]:
                self._send(message, sending)
            del self._unfinished[key]
            self._added += len(messages)
            due = self._added >= self._trim_after
            if due:
                self._added = 0
        for feed in list(self._feeds):
            feed.wake()
        if due:
            self._trim()

    def listen(self, after: Position | None = None) -> LogFeed:
        """Open a feed; as :class:`PubSubApi` says."""
        feed = LogFeed(self._log, after)
        self._feeds.add(feed)
        return feed

    def close(self) -> None:
        """Leave the store, which is somebody else's, open."""

    def _send(self, message: Message, sending: _Sending) -> None:
        # A message in doubt is tried under its own number again: should it arrive late, then there, or not at all.
        sending.number = sending.number or self._next
        while not self._log.add(sending.number, message, sending.name):
            sending.number = self._log.end(sending.number + 1)
        self._next = max(self._next, sending.number + 1)
        sending.advance()

    def _trim(self) -> None:
        # The messages are published; what is not removed now is removed next time.
        with contextlib.suppress(Exception):
            self._log.trim(self._next)
