"""A row of the log, told from any other row that ever stood, or will stand, at its number."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from dfbackends.api import Gone, Position


class Place(NamedTuple):
    """The id of the operation makes the difference where an older copy of the file was put back and has caught up."""

    seq: int
    op: str

    @property
    def token(self) -> str:
        return f"{self.seq}:{self.op}"


def end(connection: sqlite3.Connection) -> Place:
    """Return the last row; there always is one."""
    [row] = connection.execute("SELECT seq, op FROM log ORDER BY seq DESC LIMIT 1")
    return Place(*row)


def found(connection: sqlite3.Connection, position: Position) -> Place:
    """Return the row of a position.

    :raises Gone: the log has it no more, or never had
    """
    seq, _, op = position.partition(":")
    place = Place(int(seq), op)
    if connection.execute("SELECT 1 FROM log WHERE seq = ? AND op = ?", place).fetchone() is None:
        raise Gone("the log has been trimmed past this place, or is another one")
    return place
