"""The heads of all streams at a place in the log."""

from __future__ import annotations

import sqlite3

from dfbackends.drivers.sqlite.place import Place, end
from dfbackends.drivers.sqlite.stream import StreamName, last_changes

_TRIMMED = "SELECT CAST(tbl AS TEXT), CAST(topic AS TEXT), seq, op FROM head"
_LATER = "SELECT seq, op, CAST(tbl AS TEXT), CAST(topic AS TEXT), CAST(was AS TEXT) FROM log WHERE seq >= ? ORDER BY seq"


class Heads:
    """Goes forward with the log, so that writers need not keep heads."""

    def __init__(self, connection: sqlite3.Connection, at: Place | None = None) -> None:
        self._tokens: dict[StreamName, str] = {}
        self._place = Place(0, "")
        self._load(connection, at)

    def __getitem__(self, stream: StreamName) -> str:
        return self._tokens.get(stream, "")

    @property
    def place(self) -> Place:
        return self._place

    def note(self, at: Place, table: str | None, topic: str, was: str) -> None:
        """Go forward by one row."""
        self._place = at
        if table is None:
            return
        token = at.token
        self._tokens[table, ""] = token
        if topic:
            self._tokens[table, topic] = token
        if was:
            self._tokens[table, was] = token

    def advance(self, connection: sqlite3.Connection) -> None:
        """Go to the end of the log; begin again where the place is not in it any more."""
        rows = connection.execute(_LATER, (self._place.seq,))
        first = next(rows, None)
        if first is None or Place(*first[:2]) != self._place:
            rows.close()
            self._load(connection, None)
            return
        for seq, op, *streams in rows:
            self.note(Place(seq, op), *streams)

    def _load(self, connection: sqlite3.Connection, at: Place | None) -> None:
        # One transaction, so that no writer moves rows from the log to the table of heads in between.
        connection.execute("BEGIN")
        self._place = end(connection) if at is None else at
        last = {(table, topic): Place(seq, op) for table, topic, seq, op in connection.execute(_TRIMMED)}
        last.update(last_changes(connection, self._place.seq))
        self._tokens = {stream: place.token for stream, place in last.items()}
        connection.execute("COMMIT")
