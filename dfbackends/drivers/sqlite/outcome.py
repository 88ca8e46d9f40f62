"""What operations did, by their ids."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from dfbackends.api import OpId

KEEP = "INSERT INTO outcome(op, revisions, until) VALUES (?, ?, ?)"
FIND = "SELECT revisions FROM outcome WHERE op = ?"


class Outcome(NamedTuple):
    """The revisions written, None for an expectation that failed; None altogether where the operation was cancelled."""

    revisions: Sequence[int | None] | None


def keep(cursor: sqlite3.Cursor, op: OpId, outcome: Outcome, until: float) -> bool:
    """Return False where the operation has an outcome already."""
    revisions = outcome.revisions
    text = None if revisions is None else ",".join(["" if revision is None else str(revision) for revision in revisions])
    try:
        cursor.execute(KEEP, (op, text, until))
    except sqlite3.IntegrityError:
        return False
    return True


def find(cursor: sqlite3.Cursor, op: OpId) -> Outcome | None:
    """Return what is recorded."""
    row = cursor.execute(FIND, (op,)).fetchone()
    if row is None:
        return None
    [text] = row
    if text is None:
        return Outcome(None)
    return Outcome([int(number) if number else None for number in text.split(",")] if text else [])
