"""Entries as rows: found, compared with what is expected, and stored together with their changes in the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from dfbackends.api import Expect, Key, OpId, Write

FIND = "SELECT CAST(topic AS TEXT), revision FROM entry WHERE tbl = CAST(? AS BLOB) AND name = CAST(? AS BLOB)"
LOG = (
    "INSERT INTO log(seq, number, op, tbl, name, topic, was, value) "
    "VALUES (?, ?, ?, CAST(? AS BLOB), CAST(? AS BLOB), CAST(? AS BLOB), CAST(? AS BLOB), ?)"
)
STORE = (
    "INSERT INTO entry(tbl, name, topic, value, revision) VALUES (CAST(? AS BLOB), CAST(? AS BLOB), CAST(? AS BLOB), ?, ?) "
    "ON CONFLICT(tbl, name) DO UPDATE SET topic = excluded.topic, value = excluded.value, revision = excluded.revision"
)
REMOVE = "DELETE FROM entry WHERE tbl = CAST(? AS BLOB) AND name = CAST(? AS BLOB)"


State = tuple[str, int]
"""The topic and the revision that an entry has."""

_ABSENT: State = ("", 0)


def find(cursor: sqlite3.Cursor, keys: Iterable[Key]) -> list[State]:
    """Return the states of entries; an absent one has revision 0."""
    execute = cursor.execute
    return [execute(FIND, (table.name, name)).fetchone() or _ABSENT for table, name in keys]


def meets(state: State, expect: Expect | int) -> bool:
    """Return whether an expectation holds."""
    _, revision = state
    if expect is Expect.ANY:
        return True
    if expect is Expect.ABSENT:
        return not revision
    if expect is Expect.PRESENT:
        return revision != 0
    return expect == revision != 0


def store(
    cursor: sqlite3.Cursor,
    op: OpId,
    writes: Sequence[Write],
    before: Sequence[State],
    revisions: Sequence[int | None],
    lead: int,
) -> None:
    """Do the writes that have a revision. ``lead`` is what the places in the log are ahead of the numbers of its rows."""
    logged: list[tuple[object, ...]] = []
    stored: list[tuple[object, ...]] = []
    removed: list[tuple[object, ...]] = []
    for (((table, _, _), name), value, topic, _), (was, _), revision in zip(writes, before, revisions, strict=True):
        if revision is None:
            continue
        if value is None:
            logged.append((revision, revision - lead, op, table, name, "", was, None))
            removed.append((table, name))
        else:
            logged.append((revision, revision - lead, op, table, name, topic, was, value))
            stored.append((table, name, topic, value, revision))
    # What is removed first makes room for the rest where the file is full.
    if removed:
        cursor.executemany(REMOVE, removed)
    if stored:
        cursor.executemany(STORE, stored)
    cursor.executemany(LOG, logged)
