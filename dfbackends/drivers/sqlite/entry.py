"""Entries as rows: found, compared with what is expected, and stored together with their changes in the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from dfbackends.api import Expect, Key, OpId, Write

_FIND = "SELECT topic, revision FROM entry WHERE tbl = ? AND name = ?"
_LOG = "INSERT INTO log(seq, op, tbl, name, topic, was, value) VALUES (?, ?, ?, ?, ?, ?, ?)"
_STORE = (
    "INSERT INTO entry(tbl, name, topic, value, revision) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT(tbl, name) DO UPDATE SET topic = excluded.topic, value = excluded.value, revision = excluded.revision"
)
_REMOVE = "DELETE FROM entry WHERE tbl = ? AND name = ?"


class State(NamedTuple):
    """What an expectation is compared with, and what a change tells of the time before it; revision 0 of an absent entry."""

    topic: bytes
    revision: int

    def meets(self, expect: Expect | int) -> bool:
        if expect is Expect.ANY:
            return True
        if expect is Expect.ABSENT:
            return not self.revision
        if expect is Expect.PRESENT:
            return bool(self.revision)
        return expect == self.revision != 0


ABSENT = State(b"", 0)


def find(cursor: sqlite3.Cursor, key: Key) -> State:
    """Return the state of an entry."""
    row = cursor.execute(_FIND, (key.table.name.encode(), key.name.encode())).fetchone()
    return ABSENT if row is None else State(*row)


def store(
    cursor: sqlite3.Cursor, op: OpId, writes: Sequence[Write], before: Sequence[State], revisions: Sequence[int | None]
) -> None:
    """Do the writes that have a revision."""
    logged: list[tuple[object, ...]] = []
    stored: list[tuple[object, ...]] = []
    removed: list[tuple[object, ...]] = []
    for (key, value, topic_name, _), (was, _), revision in zip(writes, before, revisions, strict=True):
        if revision is None:
            continue
        table, name = key.table.name.encode(), key.name.encode()
        if value is None:
            logged.append((revision, op, table, name, b"", was, None))
            removed.append((table, name))
        else:
            topic = topic_name.encode()
            logged.append((revision, op, table, name, topic, was, value))
            stored.append((table, name, topic, value, revision))
    # What is removed first makes room for the rest where the file is full.
    if removed:
        cursor.executemany(_REMOVE, removed)
    if stored:
        cursor.executemany(_STORE, stored)
    cursor.executemany(_LOG, logged)
