"""A connection to the file that is there now, for one user at a time."""

from __future__ import annotations

import sqlite3
import threading
import time
from types import TracebackType

from dfbackends.drivers.sqlite.faults import Crowded, HandleClosed, Missing, Replaced
from dfbackends.drivers.sqlite.file import Connection, File

_LOOK_EVERY = 1.0
_CLOSE_WITHIN = 4.0


class Session:
    """``with session as connection``: yours alone until the end of the block.

    An exception in the block undoes the transaction that is open. The connection is replaced where the file was, or where
    its state is in doubt; before each use the file is looked after, but at most every second, unless somebody in this process
    has found another one.
    """

    def __init__(self, file: File) -> None:
        self._file = file
        # Guards the connection. Whoever holds it alone uses, replaces or closes it.
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._look_at = 0.0
        self._closed = False

    def __enter__(self) -> Connection:
        if not (self._lock.acquire(blocking=False) or self._lock.acquire(timeout=self._file.timeout)):
            raise Crowded
        connection = self._connection
        looked_after = not self._closed and time.monotonic() < self._look_at
        if looked_after and connection is not None and self._file.is_latest(connection):
            return connection
        try:
            return self._current()
        except BaseException:
            self._lock.release()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None and not self._closed:
            self._lock.release()
            return
        try:
            if error is not None:
                self._undo(error)
            if self._closed:
                self._drop()
        finally:
            self._lock.release()

    def commit(self) -> None:
        """Commit, within the block, and see that it went into the file that others see.

        :raises Missing: there is none any more
        :raises Replaced: it is another one
        """
        connection = self._connection
        assert connection is not None
        connection.hand.execute("COMMIT")
        self._file.verify(connection.identity)

    def look(self) -> None:
        """Look after the file before the next use, however short the last look is ago."""
        self._look_at = 0.0

    def close(self) -> None:
        """Wait for the running use, and end. One that does not end in time ends the connection itself."""
        self._closed = True
        if self._lock.acquire(timeout=_CLOSE_WITHIN):
            try:
                self._drop()
            finally:
                self._lock.release()

    def _current(self) -> Connection:
        if self._closed:
            raise HandleClosed
        if self._connection is not None:
            try:
                self._file.verify(self._connection.identity)
            except Replaced:
                self._drop()
            except Exception:
                self._drop()
                raise
        if self._connection is None:
            self._connection = self._file.connect()
        self._look_at = time.monotonic() + _LOOK_EVERY
        return self._connection

    def _undo(self, error: BaseException) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            if connection.in_transaction:
                connection.rollback()
        except sqlite3.Error:
            self._drop()
        else:
            if isinstance(error, (Missing, Replaced)) or _doubtful(error):
                self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _doubtful(error: BaseException) -> bool:
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    return type(error) is sqlite3.DatabaseError or "disk I/O error" in str(error)
