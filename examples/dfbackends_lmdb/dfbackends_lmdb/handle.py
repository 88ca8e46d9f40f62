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
    Meaning(lmdb.ReadonlyError, None, Refused, "forbidden"),
    Meaning(lmdb.InvalidError, None, Refused, "protocol"),
    # A commit that the disk failed may have reached it; any other failure undid the transaction.
    Meaning(lmdb.Error, "mdb_txn_commit", OutcomeUnknown, "protocol"),
    Meaning(lmdb.Error, None, Unavailable, "unreachable"),
    Meaning(OSError, None, Unavailable, "unreachable"),
]

_turn = threading.Lock()  # Of the one who uses LMDB; a fork takes it as well, and so finds nobody in the middle.
_open: dict[tuple[str, int, bool], tuple[lmdb.Environment, int, set[Handle]]] = {}


class Handle:
    """One of those that share an environment, since LMDB forbids a process to open a file twice."""

    def __init__(self, path: str, map_size: int, *, sync: bool, seconds: float) -> None:
        self._seconds = seconds
        self._options = (os.path.realpath(path), map_size, sync)
        with _turn:
            if self._options not in _open:
                env = lmdb.open(self._options[0], map_size, subdir=False, sync=sync, max_readers=512, mode=0o600)
                _open[self._options] = env, os.stat(self._options[0]).st_ino, set()
            self._lmdb, self._inode, self._handles = _open[self._options]
            self._handles.add(self)

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
            if os.stat(self._options[0]).st_ino != self._inode:
                raise OSError(errno.ESTALE, "another file is at the path; what was written to this one is lost")

    def close(self) -> None:
        """Leave the environment; the last one closes it."""
        with _turn:
            if self._handles == {self}:
                _open.pop(self._options)[0].close()
            self._handles.discard(self)


def _in_child() -> None:
    # A child can use no environment of its parent, nor open its own beside it.
    while _open:
        _open.popitem()[1][0].close()
    _turn.release()


os.register_at_fork(before=_turn.acquire, after_in_parent=_turn.release, after_in_child=_in_child)
