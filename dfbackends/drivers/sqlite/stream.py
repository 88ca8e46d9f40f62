"""The streams of the log, and where each was changed last."""

from __future__ import annotations

import sqlite3

from dfbackends.drivers.sqlite.place import Place

_LAST = (
    "SELECT CAST(tbl AS TEXT), CAST(topic AS TEXT), CAST(was AS TEXT), max(seq), op FROM log "
    "WHERE seq <= ? AND tbl IS NOT NULL GROUP BY tbl, topic, was"
)

StreamName = tuple[str, str]
"""A table and a topic, empty for the whole table."""


def last_changes(connection: sqlite3.Connection, at: int) -> dict[StreamName, Place]:
    """Return the last change of each stream in the log, up to a row."""
    found: dict[StreamName, Place] = {}
    for table, *topics, seq, op in connection.execute(_LAST, (at,)):
        place = Place(seq, op)
        for topic in ("", *topics):
            name = table, topic
            found[name] = max(place, found.get(name, place))
    return found
