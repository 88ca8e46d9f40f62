"""How the file of a store is made, recognised and refused."""

from __future__ import annotations

import os
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dfbackends.api import Address, Write
from dfbackends.drivers.config import sqlite_db, sqlite_pubsub
from dfbackends.drivers.sqlite import File, SqliteDb, SqlitePubSub, Trim
from dfbackends.errors import BackendError, ConfigurationError, Refused, understand
from tests.embedded import ALL, KEY, ROOT, InFile, fill, get, op, put, received


@pytest.fixture
def store(tmp_path: Path) -> Iterator[InFile]:
    store = InFile(tmp_path)
    yield store
    store.close()


def refused(path: Path | str, *, match: str) -> None:
    for kind in (SqliteDb, SqlitePubSub):
        with pytest.raises(ConfigurationError, match=match):
            kind(File(str(path)))


def test_the_file_is_for_this_user_only(store: InFile) -> None:
    umask = os.umask(0)
    try:
        put(store.db(), KEY)
    finally:
        os.umask(umask)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in store.path.parent.iterdir()}

    assert modes["app.db"] == 0o600
    assert set(modes.values()) == {0o600}
    assert len(modes) == 3


@pytest.mark.parametrize("name", ["a b.db", "a?mode=ro", "a#b", "50%.db", "\u00e9\U0001f600.db", "'\"`$x;", "-", "new\nline"])
def test_the_path_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    path = tmp_path / name

    db = SqliteDb(File(str(path)))
    put(db, KEY)
    db.close()

    assert [found.name for found in tmp_path.iterdir()] == [name]


def test_a_relative_path_stays_where_it_was_when_the_process_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    db = SqliteDb(File("app.db"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    revision = put(db, KEY)

    again = SqliteDb(File(str(tmp_path / "app.db")))
    record = get(again, KEY)
    assert record is not None
    assert record.revision == revision
    db.close()
    again.close()


def test_an_empty_file_becomes_a_store(store: InFile) -> None:
    store.path.touch()

    assert put(store.db(), KEY)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, match="is a directory; give the path of a file")


def test_a_missing_directory_is_refused_and_not_made(tmp_path: Path) -> None:
    refused(tmp_path / "missing" / "app.db", match="missing is not a directory; create it first")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["real.db", "missing.db"])
def test_a_symbolic_link_is_refused(tmp_path: Path, target: str) -> None:
    SqliteDb(File(str(tmp_path / "real.db"))).close()
    (tmp_path / "app.db").symlink_to(tmp_path / target)

    refused(tmp_path / "app.db", match="is a symbolic link")

    assert not (tmp_path / "missing.db").exists()


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 300])
def test_what_can_not_be_a_path_is_refused(tmp_path: Path, name: str) -> None:
    refused(f"{tmp_path}/{name}", match="can not be a path")


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))

        refused(tmp_path / "fifo", match="is no file")
        refused(tmp_path / "socket", match="is no file")


@pytest.mark.parametrize("content", [b"x", b"hello, world" * 1000, b"SQLite format 3\0" + b"x" * 4080, b"\0" * 8192])
def test_a_file_that_is_no_database_is_refused_and_unchanged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "app.db"
    path.write_bytes(content)

    refused(path, match="app.db is not a SQLite database; choose another path")

    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("statement", ["CREATE TABLE theirs(x)", "PRAGMA user_version = 3", "PRAGMA application_id = 7"])
def test_a_database_of_somebody_else_is_refused_and_unchanged(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "app.db"
    theirs = sqlite3.connect(path)
    theirs.execute(statement)
    theirs.close()
    content = path.read_bytes()

    refused(path, match="of another application")

    assert path.read_bytes() == content


def test_another_format_is_refused_with_the_way_out(store: InFile) -> None:
    store.db().close()
    other = sqlite3.connect(store.path)
    other.execute("PRAGMA user_version = 99")
    other.close()

    refused(store.path, match="has format 99, and this version of dfbackends reads format 1; dump it")


def test_an_old_sqlite_is_refused(store: InFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 30, 1))

    refused(store.path, match=r"is too old; this driver needs 3\.31")

    assert not store.path.exists()


_AS_NOBODY = """
import os, sys
from dfbackends.drivers.sqlite import File, SqliteDb, Trim
from dfbackends.errors import BackendError
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    SqliteDb(File(sys.argv[1]))
except BackendError as error:
    print(type(error).__name__, error.code, type(error.__cause__).__name__, error)
"""


@pytest.fixture
def open_to_all() -> Iterator[InFile]:
    """A store where every user may look; the folders of pytest are for their owner."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        store = InFile(Path(folder))
        yield store
        store.close()
        os.chmod(folder, 0o700)


def as_nobody(path: Path) -> str:
    """Return what opening says to a user without rights."""
    script = [sys.executable, "-c", _AS_NOBODY, str(path)]
    return subprocess.run(script, capture_output=True, text=True, check=True, timeout=30, cwd=ROOT).stdout.strip()


@pytest.mark.parametrize("mode", [0o000, 0o444])
def test_a_file_that_this_user_may_not_use_is_forbidden(open_to_all: InFile, mode: int) -> None:
    path = open_to_all.path
    open_to_all.db().close()
    path.chmod(mode)

    said = as_nobody(path)

    assert said == f"Refused forbidden PermissionError opening {path} failed: forbidden (PermissionError)"


@pytest.mark.parametrize("exists", [False, True])
def test_a_directory_that_this_user_may_not_write_to_is_forbidden(open_to_all: InFile, exists: bool) -> None:
    path = open_to_all.path
    if exists:
        open_to_all.db().close()
        path.chmod(0o666)
    path.parent.chmod(0o555)

    said = as_nobody(path)

    assert said.startswith("Refused forbidden PermissionError")


def test_many_processes_make_one_store(tmp_path: Path) -> None:
    script = (
        "import sys; from tests.embedded import *; from dfbackends.drivers.sqlite import *; sys.stdin.read(1);"
        "db = SqliteDb(File(sys.argv[1])); put(db, Key(TABLE, sys.argv[2])); db.close()"
    )
    for round_number in range(3):
        path = str(tmp_path / f"{round_number}.db")
        processes = [
            subprocess.Popen([sys.executable, "-c", script, path, f"{number}"], stdin=subprocess.PIPE, cwd=ROOT)
            for number in range(6)
        ]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(b"!")
            process.stdin.close()

        assert [process.wait(30) for process in processes] == [0] * 6
        db = SqliteDb(File(path))
        assert len(list(db.scan(KEY.table))) == 6
        db.close()


def test_a_full_file_refuses_writes_and_nothing_else(tmp_path: Path) -> None:
    db = SqliteDb(File(str(tmp_path / "app.db"), max_size=1), Trim(rows=100))
    written = fill(db, b"x" * 1000)

    with pytest.raises(sqlite3.OperationalError) as caught:
        put(db, KEY, b"x" * 5000)

    meaning = understand(caught.value, db.errors)
    assert (meaning.kind, meaning.code) == (Refused, "full")
    assert sorted(name for name, _ in db.scan(KEY.table)) == sorted(written)
    assert (tmp_path / "app.db").stat().st_size <= 1 << 20
    db.drop(KEY.table)
    assert put(db, KEY, b"x" * 1000)
    db.close()


def test_a_lock_that_another_holds_is_waited_for_and_then_named(store: InFile) -> None:
    store.db()
    db = SqliteDb(store.file(timeout=0.1))
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(sqlite3.OperationalError) as caught:
        put(db, KEY)

    assert understand(caught.value, db.errors).code == "overloaded"
    assert get(db, KEY) is None
    other.execute("ROLLBACK")
    other.close()
    assert put(db, KEY)
    db.close()


def test_reading_leaves_nothing_open_that_would_hold_up_others(store: InFile) -> None:
    db = store.db()
    revisions = db.write([Write(KEY._replace(name=f"{number}"), b"x" * 1000) for number in range(2_000)], op())
    feed = store.watch(db, ALL)
    put(db, KEY)

    get(db, KEY)
    db.read([KEY, KEY._replace(name="absent")])
    next(db.scan(KEY.table))
    db.heads([ALL])
    received(feed, 1)

    other = sqlite3.connect(store.path)
    assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
    other.close()
    assert len(revisions) == 2_000


def open_and_close(path: Path) -> None:
    db = SqliteDb(File(str(path)))
    put(db, KEY)
    feed = db.watch()
    feed.receive(0)
    feed.close()
    db.close()


def test_opening_and_closing_leaks_no_descriptor(tmp_path: Path) -> None:
    open_and_close(tmp_path / "app.db")
    before = os.listdir("/dev/fd")

    for _ in range(50):
        open_and_close(tmp_path / "app.db")

    assert len(os.listdir("/dev/fd")) == len(before)


def test_a_refused_file_leaves_no_descriptor_open(tmp_path: Path) -> None:
    (tmp_path / "app.db").write_bytes(b"x" * 100)
    before = os.listdir("/dev/fd")

    refused(tmp_path / "app.db", match="not a SQLite")

    assert len(os.listdir("/dev/fd")) == len(before)


def test_the_settings_reach_the_file(tmp_path: Path) -> None:
    settings = {option.dest: option.default for option in sqlite_db.options}
    path = str(tmp_path / "app.db")

    db = sqlite_db.open({**settings, "path": path, "timeout": 0.5, "durability": "disk", "max_size": 2}, 10.0)
    pubsub = sqlite_pubsub.open({**settings, "path": path}, 10.0)

    assert db.timeout == 1.0
    connection = File(path, durable=True, max_size=2).connect()
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA max_page_count").fetchone() == (512,)
    assert connection.execute("PRAGMA trusted_schema").fetchone() == (0,)
    connection.close()
    pubsub.close()
    db.close()


def test_an_address_is_a_path() -> None:
    assert sqlite_db.address(Address(path="rel.db")) == {"path": "rel.db"}
    assert sqlite_pubsub.address(Address(path="/abs.db")) == {"path": "/abs.db"}


@pytest.mark.parametrize(
    "address",
    [Address(), Address(hosts="h:1", path="/x"), Address(variant="tls", path="x"), Address(user="u", path="x")],
)
def test_another_form_of_address_is_refused_with_the_right_one(address: Address) -> None:
    with pytest.raises(ValueError, match=r"the form is sqlite:file.db, or sqlite:/directory/file.db"):
        sqlite_db.address(address)


def test_a_configuration_without_a_path_is_refused() -> None:
    settings = {option.dest: option.default for option in sqlite_db.options}

    with pytest.raises(ConfigurationError, match="needs a path"):
        sqlite_db.open(settings, 10.0)


@pytest.mark.parametrize("opening", [SqliteDb, SqlitePubSub])
def test_a_store_that_is_busy_while_it_is_made_says_so(store: InFile, opening: Callable[[File], object]) -> None:
    store.path.touch()
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(BackendError) as caught:
        opening(store.file(timeout=0.1))

    assert caught.value.code == "overloaded"
    other.close()
