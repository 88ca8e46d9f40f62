"""All that is written: entries, log and outcome in one transaction, then a ring to who waits."""

from __future__ import annotations

import contextlib
import sqlite3
import time
import uuid
from collections.abc import Mapping, Sequence
from itertools import count
from typing import NamedTuple

from dfbackends.api import Expect, Key, Message, OpId, Write
from dfbackends.drivers.sqlite import entry, outcome
from dfbackends.drivers.sqlite.file import Connection, File
from dfbackends.drivers.sqlite.outcome import Outcome
from dfbackends.drivers.sqlite.session import Session
from dfbackends.drivers.sqlite.trim import Trim
from dfbackends.drivers.sqlite.wake import Ringer

STATE = "SELECT seq, number, (SELECT group_concat(address, char(10)) FROM listener) FROM log ORDER BY seq DESC LIMIT 1"
SEND = "INSERT INTO log(seq, number, op, topic, value) VALUES (?, ?, ?, CAST(? AS BLOB), ?)"
_FORGET = "DELETE FROM listener WHERE address = ?"

NOTHING = Outcome(None)


class Writer:
    """The connection of a handle that writes."""

    def __init__(self, file: File, trim: Trim) -> None:
        self._session = Session(file)
        self._ringer = Ringer()
        self._trim = trim
        self._name = uuid.uuid4().hex
        self._numbers = count()

    def new_op(self) -> OpId:
        """Return an id for an operation of the handle's own."""
        return OpId(f"{self._name}-{next(self._numbers)}")

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        """Do each write whose expectation holds."""
        with self._session as connection:
            self._trim.when_due(connection, len(writes))
            cursor, seq, lead, listeners = _begin(connection)
            before = entry.find(cursor, [write.key for write in writes])
            good = [entry.meets(state, write.expect) for state, write in zip(before, writes, strict=True)]
            if not any(good):
                return list(_known(cursor, op).revisions or [None] * len(writes))
            revisions = [seq + i if holds else None for i, holds in enumerate(good)]
            entry.store(cursor, op, writes, before, revisions, lead)
            if not outcome.keep(cursor, op, Outcome(revisions), self._trim.outcome_until()):
                return list(_known(cursor, op).revisions or [None] * len(writes))
            self._session.commit()
        self._ring(listeners)
        return revisions

    def commit(
        self, writes: Sequence[Write], checks: Mapping[Key, Expect | int], messages: Sequence[Message], op: OpId
    ) -> Sequence[int | None] | None:
        """Do everything, or nothing and return None."""
        with self._session as connection:
            self._trim.when_due(connection, len(writes) + len(messages))
            cursor, seq, lead, listeners = _begin(connection)
            before = entry.find(cursor, [write.key for write in writes])
            found = [*before, *entry.find(cursor, checks)]
            expected = [*(write.expect for write in writes), *checks.values()]
            if not all(map(entry.meets, found, expected)):
                return _known(cursor, op).revisions
            revisions = list(range(seq, seq + len(writes)))
            entry.store(cursor, op, writes, before, revisions, lead)
            if not outcome.keep(cursor, op, Outcome(revisions), self._trim.outcome_until()):
                return _known(cursor, op).revisions
            _send(cursor, op, messages, seq + len(writes), lead)
            self._session.commit()
        self._ring(listeners)
        return revisions

    def publish(self, messages: Sequence[Message]) -> None:
        with self._session as connection:
            self._trim.when_due(connection, len(messages))
            cursor, seq, lead, listeners = _begin(connection)
            _send(cursor, self.new_op(), messages, seq, lead)
            self._session.commit()
        self._ring(listeners)

    def cancel(self, op: OpId) -> Outcome:
        """Return what an operation did, or see that it never does anything."""
        with self._session as connection:
            cursor, *_ = _begin(connection)
            known = outcome.find(cursor, op)
            if known is None:
                known = Outcome(None)
                outcome.keep(cursor, op, known, self._trim.fence_until())
            self._session.commit()
        return known

    def close(self) -> None:
        self._session.close()
        self._ringer.close()

    def _ring(self, listeners: str | None) -> None:
        if listeners is None:
            return
        dead = self._ringer.ring(listeners.split("\n"))
        if dead:
            # Who writes next finds them, too; this write is done.
            with contextlib.suppress(Exception), self._session as connection:
                connection.executemany(_FORGET, [(address,) for address in dead])


class _Begun(NamedTuple):
    """A transaction: its next place in the log, and what that is ahead of the number of the row."""

    cursor: sqlite3.Cursor
    seq: int
    lead: int
    listeners: str | None


def _begin(connection: Connection) -> _Begun:
    cursor = connection.hand
    # A transaction that begins by reading can not go on to write once somebody else has.
    cursor.execute("BEGIN IMMEDIATE")
    last, number, listeners = cursor.execute(STATE).fetchone()
    # Also after a power failure, or in a copy of the file that is older, a place must not be given again.
    seq = max(last + 1, time.time_ns() // 1000)
    return _Begun(cursor, seq, seq - number - 1, listeners)


def _known(cursor: sqlite3.Cursor, op: OpId) -> Outcome:
    """Undo, and return what the operation did before: what was done once fails its own expectation when it is repeated."""
    cursor.execute("ROLLBACK")
    return outcome.find(cursor, op) or NOTHING


def _send(cursor: sqlite3.Cursor, op: OpId, messages: Sequence[Message], seq: int, lead: int) -> None:
    rows = [(seq + i, seq + i - lead, op, message.topic, message.data) for i, message in enumerate(messages)]
    cursor.executemany(SEND, rows)
