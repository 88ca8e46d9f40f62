"""Users of LMDB environments; those of a process that give the same path share one."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import lmdb

from dfbackends.errors import Meaning, OutcomeUnknown, Refused, Unavailable

ERRORS = [
    Meaning(lmdb.MapFullError, None, Refused, "full"),
    Meaning(lmdb.DiskError, None, Refused, "full"),
    Meaning(lmdb.ReadonlyError, None, Refused, "read_only"),
    # A commit that ended like this may have reached the disk; any other failure undid the transaction.
    Meaning(lmdb.Error, lambda error: error.code == errno.EIO, OutcomeUnknown, "protocol"),
    Meaning(lmdb.Error, None, Unavailable, "unreachable"),
    Meaning(PermissionError, None, Refused, "forbidden"),
    Meaning(OSError, None, Unavailable, "unreachable"),
]

_turn = threading.Lock()  # Of the one who uses LMDB; a fork takes it as well, and so finds nobody in the middle.
_open: dict[tuple[str, int, bool], tuple[lmdb.Environment, set[Handle]]] = {}


class Handle:
    """One of those that share an environment: LMDB forbids a process to open the same files twice."""

    def __init__(self, path: str, map_size: int, *, sync: bool) -> None:
        self._options = path, map_size, sync = os.path.realpath(path), map_size, sync
        with _turn:
            if self._options not in _open:
                _open[self._options] = lmdb.open(path, map_size=map_size, sync=sync, max_readers=512, mode=0o700), set()
            self._lmdb, self._handles = _open[self._options]
            self._handles.add(self)
        self._file = os.path.join(path, "data.mdb")
        self._inode = os.stat(self._file).st_ino

    @contextmanager
    def _transaction(self, *, write: bool = False) -> Iterator[lmdb.Transaction[bytes]]:
        """Do all that is done in the block, or on an exception nothing."""
        with _turn:
            try:
                with self._lmdb.begin(write=write) as txn:
                    yield txn
            except (lmdb.MapFullError, lmdb.MapResizedError, lmdb.ReadersFullError):
                # Others may have been killed while they read, or have made it larger: the next call finds it mended.
                self._lmdb.reader_check()
                self._lmdb.set_mapsize(0)
                raise
            if os.stat(self._file).st_ino != self._inode:
                raise OSError(errno.ESTALE, "another file is at the path; what was written to this one is lost")

    def close(self) -> None:
        """Leave the environment; the last one closes it."""
        with _turn:
            if self in self._handles:
                self._handles.remove(self)
                if not self._handles:
                    del _open[self._options]
                    self._lmdb.close()


def _in_child() -> None:
    # A child can use no environment of its parent, nor open its own beside it.
    while _open:
        _open.popitem()[1][0].close()
    _turn.release()


os.register_at_fork(before=_turn.acquire, after_in_parent=_turn.release, after_in_child=_in_child)
