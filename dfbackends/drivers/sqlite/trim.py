"""What is removed from the file, and when: the oldest rows of the log, and outcomes that nobody will ask for."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable

from dfbackends.drivers.sqlite.stream import last_changes

_FENCED_FOR = 3600.0

_ENDS = "SELECT (SELECT min(seq) FROM log), (SELECT max(seq) FROM log)"
_NEXT = "SELECT seq, number FROM log WHERE seq >= ? ORDER BY seq LIMIT 1"
_FOLD = "INSERT OR REPLACE INTO head(tbl, topic, seq, op) VALUES (CAST(? AS BLOB), CAST(? AS BLOB), ?, ?)"
_SWEEP_END = "SELECT op FROM outcome WHERE op > ? ORDER BY op LIMIT 1 OFFSET ?"
# A time that lies further ahead than any that is written was written before the machine started anew.
_SWEEP_STEP = "DELETE FROM outcome WHERE op > ? AND op <= ? AND (until < ? OR until > ?)"


class Trim:
    """Is due at the first write of a handle, and then after each eighth of the log that the handle wrote.

    ``keep`` is how long an outcome is kept, in seconds. Times are those of the monotonic clock:
    the processes of a machine share it. ``step`` rows are removed, and ``sweep`` outcomes looked at, in one transaction.
    """

    def __init__(
        self,
        *,
        rows: int = 100_000,
        keep: float = 100.0,
        step: int = 10_000,
        sweep: int = 25_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rows = rows
        self._keep = keep
        self._step = step
        self._sweep = sweep
        self._clock = clock
        self._left = 0
        self._swept = uuid.uuid4().hex

    def outcome_until(self) -> float:
        return self._clock() + self._keep

    def fence_until(self) -> float:
        return self._clock() + max(_FENCED_FOR, self._keep)

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
        [[first, last]] = connection.execute(_ENDS)
        [[_, oldest]] = connection.execute(_NEXT, (first,))
        [[_, newest]] = connection.execute(_NEXT, (last,))
        while oldest <= newest - self._rows:
            oldest = min(oldest + self._step, newest - self._rows + 1)
            end = _place_of(connection, oldest, first, last)
            connection.execute("BEGIN IMMEDIATE")
            # The streams keep their heads when their last row goes.
            heads = last_changes(connection, end - 1)
            connection.executemany(_FOLD, [(*stream, *place) for stream, place in heads.items()])
            connection.execute("DELETE FROM log WHERE seq < ?", (end,))
            connection.execute("COMMIT")

    def _sweep_outcomes(self, connection: sqlite3.Connection) -> None:
        # Outcomes are in the order of their ids. A sweep goes on where the last one ended, and passes more of them than were
        # added since, so that an index of their ages need not be kept.
        end = connection.execute(_SWEEP_END, (self._swept, self._sweep)).fetchone()
        now = self._clock()
        last = end[0] if end is not None else "\U0010ffff"
        connection.execute(_SWEEP_STEP, (self._swept, last, now, now + 2 * max(_FENCED_FOR, self._keep)))
        self._swept = end[0] if end is not None else ""


def _place_of(connection: sqlite3.Connection, number: int, low: int, high: int) -> int:
    """Return where the rows begin that have at least this number; it lies between two places, and both columns grow."""
    while low < high:
        middle = (low + high) // 2
        [[seq, found]] = connection.execute(_NEXT, (middle,))
        if found < number:
            low = seq + 1
        else:
            high = middle
    return low
