"""All that is written: entries, log and outcome in one transaction, then a ring to who waits."""

from __future__ import annotations

import contextlib
import sqlite3
import time
import uuid
from collections.abc import Mapping, Sequence
from itertools import count

from dfbackends.api import Expect, Key, Message, OpId, Write
from dfbackends.drivers.sqlite import entry, outcome
from dfbackends.drivers.sqlite.file import Connection, File
from dfbackends.drivers.sqlite.outcome import Outcome
from dfbackends.drivers.sqlite.session import Session
from dfbackends.drivers.sqlite.trim import Trim
from dfbackends.drivers.sqlite.wake import Ringer

STATE = "SELECT max(seq), (SELECT group_concat(address, char(10)) FROM listener) FROM log"
SEND = "INSERT INTO log(seq, op, topic, value) VALUES (?, ?, CAST(? AS BLOB), ?)"
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
            cursor, last, listeners = _begin(connection)
            before = entry.find(cursor, [write.key for write in writes])
            good = [entry.meets(state, write.expect) for state, write in zip(before, writes, strict=True)]
            if not any(good):
                return list(_known(cursor, op).revisions or [None] * len(writes))
            seq = _later(last)
            revisions = [seq + i if holds else None for i, holds in enumerate(good)]
            entry.store(cursor, op, writes, before, revisions)
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
            cursor, last, listeners = _begin(connection)
            before = entry.find(cursor, [write.key for write in writes])
            found = [*before, *entry.find(cursor, checks)]
            expected = [*(write.expect for write in writes), *checks.values()]
            if not all(map(entry.meets, found, expected)):
                return _known(cursor, op).revisions
            seq = _later(last)
            revisions = list(range(seq, seq + len(writes)))
            entry.store(cursor, op, writes, before, revisions)
            if not outcome.keep(cursor, op, Outcome(revisions), self._trim.outcome_until()):
                return _known(cursor, op).revisions
            _send(cursor, seq + len(writes), op, messages)
            self._session.commit()
        self._ring(listeners)
        return revisions

    def publish(self, messages: Sequence[Message]) -> None:
        with self._session as connection:
            self._trim.when_due(connection, len(messages))
            cursor, last, listeners = _begin(connection)
            _send(cursor, _later(last), self.new_op(), messages)
            self._session.commit()
        self._ring(listeners)

    def cancel(self, op: OpId) -> Outcome:
        """Return what an operation did, or see that it never does anything."""
        with self._session as connection:
            cursor, _, _ = _begin(connection)
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


def _begin(connection: Connection) -> tuple[sqlite3.Cursor, int, str | None]:
    cursor = connection.hand
    # A transaction that begins by reading can not go on to write once somebody else has.
    cursor.execute("BEGIN IMMEDIATE")
    last, listeners = cursor.execute(STATE).fetchone()
    return cursor, last, listeners


def _later(last: int) -> int:
    # Also after a power failure, or in a copy of the file that is older, a number must not be given again.
    return max(last + 1, time.time_ns() // 1000)


def _known(cursor: sqlite3.Cursor, op: OpId) -> Outcome:
    """Undo, and return what the operation did before: what was done once fails its own expectation when it is repeated."""
    cursor.execute("ROLLBACK")
    return outcome.find(cursor, op) or NOTHING


def _send(cursor: sqlite3.Cursor, seq: int, op: OpId, messages: Sequence[Message]) -> None:
    rows = [(seq + i, op, message.topic, message.data) for i, message in enumerate(messages)]
    cursor.executemany(SEND, rows)
