"""What an error of SQLite means, and what is left after one."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dfbackends.api import Expect, Record, Write
from dfbackends.drivers.sqlite import SqliteDb, faults
from dfbackends.drivers.sqlite.file import Connection
from dfbackends.errors import BackendError, OutcomeUnknown, Refused, Unavailable, understand
from tests.embedded import KEY, TABLE, InFile, get, op, put


@pytest.fixture
def store(tmp_path: Path) -> Iterator[InFile]:
    store = InFile(tmp_path)
    yield store
    store.close()


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (sqlite3.OperationalError("database is locked"), Unavailable, "overloaded"),
        (sqlite3.OperationalError("database table is locked: entry"), Unavailable, "overloaded"),
        (sqlite3.OperationalError("database schema is locked: main"), Unavailable, "overloaded"),
        (sqlite3.OperationalError("database or disk is full"), Refused, "full"),
        (sqlite3.OperationalError("attempt to write a readonly database"), Refused, "read_only"),
        (sqlite3.OperationalError("unable to open database file"), Unavailable, "unreachable"),
        (sqlite3.OperationalError("disk I/O error"), OutcomeUnknown, "protocol"),
        (sqlite3.OperationalError("no such table: entry"), Refused, "protocol"),
        (sqlite3.DatabaseError("database disk image is malformed"), Refused, "protocol"),
        (sqlite3.DatabaseError("file is not a database"), Refused, "protocol"),
        (sqlite3.ProgrammingError("Cannot operate on a closed database."), Unavailable, "unreachable"),
        (sqlite3.InterfaceError("bad parameter or other API misuse"), Refused, "protocol"),
        (OSError(errno.EACCES, os.strerror(errno.EACCES)), Refused, "forbidden"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS)), Refused, "read_only"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), Refused, "full"),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), Unavailable, "unreachable"),
        (faults.Missing(), Unavailable, "unreachable"),
        (faults.Replaced(), Unavailable, "unreachable"),
        (faults.Foreign(), Refused, "protocol"),
        (faults.Crowded(), Unavailable, "overloaded"),
        (faults.HandleClosed(), Unavailable, "unreachable"),
    ],
)
def test_each_error_has_its_meaning(error: Exception, kind: type[BackendError], code: str) -> None:
    meaning = understand(error, faults.ERRORS)

    assert (meaning.kind, meaning.code) == (kind, code)


class BreakingCursor(sqlite3.Cursor):
    """A cursor whose next commit fails, after it was done or before, where a test says so."""

    def execute(self, sql: str, parameters: Any = ()) -> BreakingCursor:
        error = Breaking.error
        if sql != "COMMIT" or error is None:
            super().execute(sql, parameters)
            return self
        Breaking.error = None
        if Breaking.done:
            super().execute(sql)
        raise error


class Breaking(Connection):
    """A connection with such cursors."""

    error: ClassVar[BaseException | None] = None
    done: ClassVar[bool] = False

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or BreakingCursor)


@pytest.fixture
def breaking(store: InFile) -> Iterator[type[Breaking]]:
    """Let the connections of the store break on demand."""
    store.settings = {"kind": Breaking}
    yield Breaking
    Breaking.error, Breaking.done = None, False


@pytest.mark.parametrize("done", [False, True])
def test_a_commit_that_failed_is_settled_by_its_repetition(store: InFile, breaking: type[Breaking], done: bool) -> None:
    db, created = store.db(), op()
    breaking.error, breaking.done = sqlite3.OperationalError("disk I/O error"), done

    with pytest.raises(sqlite3.OperationalError) as caught:
        db.write([Write(KEY, b"v", "", Expect.ABSENT)], created)
    before = get(db, KEY)
    [revision] = db.write([Write(KEY, b"v", "", Expect.ABSENT)], created)

    assert understand(caught.value, db.errors).kind is OutcomeUnknown
    assert (before is not None) == done
    assert revision is not None
    assert get(db, KEY) == Record(b"v", revision)


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk I/O error"), KeyboardInterrupt()])
def test_an_exception_in_the_middle_undoes_the_whole_call(
    store: InFile, breaking: type[Breaking], error: BaseException
) -> None:
    db = store.db()
    revision = put(db, KEY, b"old")
    breaking.error = error

    with pytest.raises(type(error)):
        db.write([Write(KEY, b"new"), Write(KEY._replace(name="other"), b"new")], op())

    assert [record for _, record in db.scan(TABLE)] == [Record(b"old", revision)]
    assert put(db, KEY)


def test_a_thread_that_waits_for_others_too_long_says_so(store: InFile) -> None:
    db = SqliteDb(store.file(timeout=0.1))
    with db._writer._session, pytest.raises(faults.Crowded):
        put(db, KEY)

    assert put(db, KEY)
    db.close()


def test_a_damaged_file_is_named_and_not_written_to(store: InFile) -> None:
    db = store.db()
    for number in range(2_000):
        put(db, KEY._replace(name=f"{number}"), b"x" * 100)
    db.close()
    content = bytearray(store.path.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 100] = b"\xff" * 100
    store.path.write_bytes(content)

    db = store.db()
    with pytest.raises(sqlite3.DatabaseError) as caught:
        put(db, KEY)

    meaning = understand(caught.value, db.errors)
    assert (meaning.kind, meaning.code) == (Refused, "protocol")
    with pytest.raises(sqlite3.DatabaseError):
        list(db.scan(TABLE))
