"""What is removed from the file, and when: the oldest rows of the log, and outcomes that nobody will ask for."""

from __future__ import annotations

import sqlite3
import time
import uuid

_FENCED_FOR = 3600.0
_STEP = 10_000
_SWEEP = 25_000

_OLDEST_KEPT = "SELECT seq FROM log ORDER BY seq DESC LIMIT 1 OFFSET ?"
_BELOW = "SELECT 1 FROM log WHERE seq < ? LIMIT 1"
_STEP_END = "SELECT seq FROM log WHERE seq < ? ORDER BY seq LIMIT 1 OFFSET ?"
_FOLD = "INSERT OR REPLACE INTO head SELECT tbl, topic, max(seq), op FROM stream WHERE seq < ? GROUP BY tbl, topic"
_SWEEP_END = "SELECT op FROM outcome WHERE op > ? ORDER BY op LIMIT 1 OFFSET ?"
# A time that lies further ahead than any that is written was written before the machine started anew.
_SWEEP_STEP = "DELETE FROM outcome WHERE op > ? AND op <= ? AND (until < ? OR until > ?)"


class Trim:
    """Is due at the first write of a handle, and then after each eighth of the log that the handle wrote.

    ``keep`` is how long an outcome is kept, in seconds. Times are those of the monotonic clock:
    the processes of a machine share it.
    """

    def __init__(self, *, rows: int, keep: float) -> None:
        self._rows = rows
        self._keep = keep
        self._left = 0
        self._swept = uuid.uuid4().hex

    def outcome_until(self) -> float:
        return time.monotonic() + self._keep

    def fence_until(self) -> float:
        return time.monotonic() + max(_FENCED_FOR, self._keep)

    def when_due(self, connection: sqlite3.Connection, rows: int) -> None:
        """Note that so many rows will be written, and trim first when it is time."""
        if self._left <= 0:
            self._left = max(1, self._rows // 8)
            try:
                self._trim_log(connection)
                self._sweep_outcomes(connection)
            except sqlite3.OperationalError as error:
                # Where there is no room to make room, the write may still fit in.
                if "disk is full" not in str(error):
                    raise
                if connection.in_transaction:
                    connection.rollback()
        self._left -= rows

    def _trim_log(self, connection: sqlite3.Connection) -> None:
        kept = connection.execute(_OLDEST_KEPT, (self._rows - 1,)).fetchone()
        while kept is not None and connection.execute(_BELOW, kept).fetchone() is not None:
            end = connection.execute(_STEP_END, (*kept, _STEP)).fetchone() or kept
            connection.execute("BEGIN IMMEDIATE")
            # The streams keep their heads when their last row goes.
            connection.execute(_FOLD, end)
            connection.execute("DELETE FROM log WHERE seq < ?", end)
            connection.execute("COMMIT")

    def _sweep_outcomes(self, connection: sqlite3.Connection) -> None:
        # Outcomes are in the order of their ids. A sweep goes on where the last one ended, and passes more of them than were
        # added since, so that an index of their ages need not be kept.
        end = connection.execute(_SWEEP_END, (self._swept, _SWEEP)).fetchone()
        now = time.monotonic()
        last = end[0] if end is not None else "\U0010ffff"
        connection.execute(_SWEEP_STEP, (self._swept, last, now, now + 2 * max(_FENCED_FOR, self._keep)))
        self._swept = end[0] if end is not None else ""
