"""The file of a store: how it is made, recognised, opened, and found to be gone."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import stat
import threading
import time
from typing import NamedTuple
from urllib.parse import quote

from dfbackends.drivers.sqlite import layout
from dfbackends.drivers.sqlite.faults import ERRORS, Foreign, Missing, Replaced
from dfbackends.errors import ConfigurationError, wrapped

_OLDEST = (3, 31, 0)

# Closing any descriptor of a file drops all locks that the process has on it, those of SQLite, too. So a file is opened
# by us only to make it, and by nobody else in the process while we do.
_making = threading.Lock()

# What was opened last at each path. Who has been told of changes by a line to one file must not read another one.
_latest: dict[str, Identity] = {}


class Identity(NamedTuple):
    """Tells a file from another one at the same path."""

    device: int
    inode: int


class Connection(sqlite3.Connection):
    """A connection that knows which file it opened. ``hand`` is a cursor for statements that are read to their end at once."""

    identity: Identity
    hand: sqlite3.Cursor


class File:
    """One path.

    ``timeout`` is how long a lock is waited for. ``durable`` means that a commit survives a power failure, not only
    the end of the process. ``max_size`` is in MiB, 0 for none.
    """

    def __init__(
        self, path: str, *, timeout: float = 2.0, durable: bool = False, max_size: int = 0, kind: type[Connection] = Connection
    ) -> None:
        self.path: str = os.path.abspath(path)
        self.timeout = timeout
        self._durable = durable
        self._max_size = max_size
        self._kind = kind

    def prepare(self) -> None:
        """Make the file where there is none, for this user only, and see that it is one of ours.

        :raises ConfigurationError: something else is there
        :raises BackendError: it can not be used now, or not by this user
        """
        if sqlite3.sqlite_version_info < _OLDEST:
            needed = ".".join(map(str, _OLDEST))
            raise ConfigurationError(f"SQLite {sqlite3.sqlite_version} is too old; this driver needs {needed} or later")
        try:
            self._make()
            connection = self._connect()
            try:
                if not layout.check(connection, self.path):
                    self._fill(connection)
            finally:
                connection.close()
        except (Foreign, Missing) as error:
            raise ConfigurationError(str(error)) from error
        except ValueError as error:
            raise ConfigurationError(f"{self.path!r} can not be a path: {error}") from error
        except (Replaced, OSError, sqlite3.Error) as error:
            if isinstance(error, OSError) and error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
                raise ConfigurationError(f"{self.path} can not be a path: {error.strerror}") from error
            raise wrapped(error, ERRORS, f"opening {self.path}") from error

    def connect(self) -> Connection:
        """Open the file that is there now; it is never made here.

        :raises Missing: there is none
        :raises Foreign: it is none of ours
        """
        connection = self._connect()
        try:
            if not layout.check(connection, self.path):
                raise Foreign(f"{self.path} is empty")
            # A copy that was put in place may have come without: VACUUM INTO and a dump make such ones.
            self._use_wal(connection)
            connection.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'NORMAL'}")
            connection.execute("PRAGMA cache_size = -16000")
            connection.execute("PRAGMA wal_autocheckpoint = 4000")
            connection.execute("PRAGMA journal_size_limit = 67108864")
            if self._max_size:
                [[page]] = connection.execute("PRAGMA page_size")
                connection.execute(f"PRAGMA max_page_count = {self._max_size * (1 << 20) // page}")
        except BaseException:
            connection.close()
            raise
        return connection

    def is_latest(self, connection: Connection) -> bool:
        """Tell whether nobody in this process has since opened another file at the path."""
        return _latest.get(self.path) == connection.identity

    def verify(self, identity: Identity) -> None:
        """:raises Missing: the file is gone
        :raises Replaced: it is another one
        """
        try:
            found = os.lstat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            raise Missing(f"{self.path} does not exist any more") from None
        if (found.st_dev, found.st_ino) != identity:
            raise Replaced(f"{self.path} is not the file that was opened")

    def _make(self) -> None:
        directory = os.path.dirname(self.path)
        if not os.path.isdir(directory):
            raise Foreign(f"{directory} is not a directory; create it first")
        with _making, contextlib.suppress(FileExistsError):
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    def _fill(self, connection: sqlite3.Connection) -> None:
        self._use_wal(connection)
        connection.execute("BEGIN IMMEDIATE")
        if not layout.check(connection, self.path):
            layout.create(connection)
        connection.execute("COMMIT")

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        # SQLite does not wait for the lock that this takes.
        until = time.monotonic() + self.timeout
        while True:
            try:
                [[mode]] = connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > until:
                    raise
                time.sleep(0.01)
            else:
                break
        if mode != "wal":
            raise Foreign(f"the file system of {self.path} has no shared memory; choose a path on a local disk")

    def _identity(self) -> Identity:
        try:
            found = os.lstat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            raise Missing(f"{self.path} does not exist") from None
        if stat.S_ISREG(found.st_mode):
            return Identity(found.st_dev, found.st_ino)
        kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "a directory" if stat.S_ISDIR(found.st_mode) else "no file"
        raise Foreign(f"{self.path} is {kind}; give the path of a file")

    def _connect(self) -> Connection:
        with _making:
            identity = self._identity()
            # SQLite would open a file without the right to write, and fail later. It makes two more beside it.
            _permitted(self.path, os.R_OK | os.W_OK)
            _permitted(os.path.dirname(self.path), os.W_OK | os.X_OK)
            uri = f"file:{quote(os.fsencode(self.path))}?mode=rw"
            connection = sqlite3.connect(
                uri, uri=True, timeout=self.timeout, isolation_level=None, check_same_thread=False, factory=self._kind
            )
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            self.verify(identity)
        except BaseException:
            connection.close()
            raise
        connection.identity = _latest[self.path] = identity
        connection.hand = connection.cursor()
        return connection


def _permitted(path: str, mode: int) -> None:
    if not os.access(path, mode, effective_ids=os.access in os.supports_effective_ids):
        read_only = os.statvfs(path).f_flag & os.ST_RDONLY
        code = errno.EROFS if read_only else errno.EACCES
        raise OSError(code, os.strerror(code), path)
