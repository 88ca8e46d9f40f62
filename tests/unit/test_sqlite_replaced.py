"""What happens when the file is taken away, or another one is put in its place."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract_tests.servers.replaced_file import put_in_place, take_away
from dfbackends.api import Gone, Message
from dfbackends.drivers.sqlite import SqliteDb, faults
from dfbackends.errors import Refused, Unavailable, understand
from tests.embedded import ALL, KEY, TABLE, InFile, delete, eventually, get, op, put, received


@pytest.fixture
def store(tmp_path: Path) -> Iterator[InFile]:
    store = InFile(tmp_path)
    yield store
    store.close()


def copy_of(store: InFile, name: str) -> Path:
    """Return a copy of the store as it is now."""
    path = store.path.with_name(name)
    source, target = sqlite3.connect(store.path), sqlite3.connect(path)
    source.backup(target)
    source.close()
    target.close()
    return path


def raises_on_read(db: object) -> bool:
    assert isinstance(db, SqliteDb)
    try:
        get(db, KEY)
    except faults.Missing:
        return True
    return False


def test_a_write_into_a_deleted_file_is_no_success_and_makes_no_new_file(store: InFile) -> None:
    db, pubsub = store.db(), store.pubsub()
    put(db, KEY)
    pubsub.publish([Message("a", b"1")])
    take_away(store.path)

    for call in (
        lambda: put(db, KEY, b"lost"),
        lambda: put(db, KEY, b"lost"),
        lambda: db.cancel([KEY], op()),
        lambda: pubsub.publish([Message("a", b"2")]),
        lambda: pubsub.publish([Message("a", b"2")]),
    ):
        with pytest.raises(faults.Missing) as caught:
            call()
        meaning = understand(caught.value, db.errors)
        assert (meaning.kind, meaning.code) == (Unavailable, "unreachable")
    assert not store.path.exists()


def test_a_listing_that_begins_after_the_file_was_replaced_is_of_the_new_one(store: InFile) -> None:
    """Else a mirror pairs the entries of the old file with the changes of the new one."""
    db = store.db()
    copy = copy_of(store, "empty.db")
    put(db, KEY)
    for _ in range(20):
        assert list(db.scan(TABLE)) != []
        assert get(db, KEY) is not None

        kept = copy_of(store, "kept.db")
        shutil.copy(copy, other := copy.with_name("other.db"))
        put_in_place(other, store.path)
        assert list(db.scan(TABLE)) == []
        put_in_place(kept, store.path)


def test_reading_notices_a_deleted_file_within_seconds(store: InFile) -> None:
    db = store.db()
    put(db, KEY)
    get(db, KEY)
    take_away(store.path)

    eventually(lambda: raises_on_read(db), within=5)

    assert raises_on_read(db)


def test_a_new_file_in_the_place_of_a_deleted_one_is_used(store: InFile) -> None:
    db = store.db()
    put(db, KEY, b"old")
    take_away(store.path)
    with pytest.raises(faults.Missing):
        put(db, KEY, b"lost")
    fresh = store.db()
    fresh_revision = put(fresh, KEY, b"fresh")

    eventually(lambda: not raises_on_read(db), within=5)

    record = get(db, KEY)
    assert record is not None
    assert (record.value, record.revision) == (b"fresh", fresh_revision)
    assert put(db, KEY, b"new") > fresh_revision


def test_a_write_into_a_replaced_file_is_lost_and_its_repetition_is_not(store: InFile) -> None:
    db = store.db()
    put(db, KEY, b"old")
    copy = copy_of(store, "copy.db")
    put(db, KEY, b"newer")
    put_in_place(copy, store.path)

    with pytest.raises(faults.Replaced) as caught:
        put(db, KEY, b"lost")
    revision = put(db, KEY, b"repeated")

    assert understand(caught.value, db.errors).kind is Unavailable
    other = get(store.db(), KEY)
    assert other is not None
    assert (other.value, other.revision) == (b"repeated", revision)


@pytest.mark.parametrize("kind", ["watch", "listen"])
@pytest.mark.parametrize("replaced", [False, True])
def test_a_feed_notices_that_its_file_is_gone_or_another_one(store: InFile, kind: str, replaced: bool) -> None:
    db, pubsub = store.db(), store.pubsub()
    feed = store.watch(db, ALL) if kind == "watch" else store.listen(pubsub, "a")
    copy = copy_of(store, "copy.db")
    take_away(store.path)
    if replaced:
        copy.rename(store.path)
    began = time.monotonic()

    with pytest.raises(faults.Replaced if replaced else faults.Missing):
        received(feed, 1)

    assert time.monotonic() < began + 5


def test_an_older_copy_has_other_heads_also_when_it_has_caught_up(store: InFile) -> None:
    db = store.db()
    feed = store.watch(db, ALL)
    put(db, KEY, b"1")
    received(feed, 1)
    copy = copy_of(store, "copy.db")
    put(db, KEY, b"2")
    [change] = received(feed, 1)
    position, heads = feed.position, db.heads([ALL])
    put_in_place(copy, store.path)

    restored = store.db()
    assert restored.heads([ALL]) != heads
    put(restored, KEY, b"other 2")
    assert restored.heads([ALL]) != heads
    assert change.head == heads[0]
    with pytest.raises(Gone):
        restored.watch(position)
    eventually(lambda: db.heads([ALL]) == restored.heads([ALL]), within=5)


def test_a_revision_is_not_given_again_after_an_older_copy_was_put_back(store: InFile) -> None:
    db = store.db()
    put(db, KEY, b"1")
    copy = copy_of(store, "copy.db")
    lost = [put(db, KEY, b"2"), delete(db, KEY), put(db, KEY, b"3")]
    put_in_place(copy, store.path)

    restored = store.db()

    assert put(restored, KEY, b"2") > max(lost)


def test_an_older_state_written_into_the_open_file_is_noticed(store: InFile) -> None:
    db, pubsub = store.db(), store.pubsub()
    put(db, KEY, b"1")
    copy = copy_of(store, "copy.db")
    put(db, KEY, b"2")
    changes, messages = store.watch(db, ALL), store.listen(pubsub, "a")
    heads = db.heads([ALL])
    source, target = sqlite3.connect(copy), sqlite3.connect(store.path)

    source.backup(target)
    source.close()
    target.close()

    for feed in (changes, messages):
        with pytest.raises(Gone):
            feed.receive(0)
    assert db.heads([ALL]) != heads
    record = get(db, KEY)
    assert record is not None
    assert record.value == b"1"


@pytest.mark.parametrize("kind", ["watch", "listen"])
def test_once_a_feed_has_opened_another_file_nothing_is_read_from_the_old_one(store: InFile, kind: str) -> None:
    db, pubsub = store.db(), store.pubsub()
    put(db, KEY, b"old")
    copy = copy_of(store, "copy.db")
    put(db, KEY, b"newer")
    [(_, record)] = db.scan(KEY.table)
    assert record.value == b"newer"
    put_in_place(copy, store.path)

    store.watch(db, ALL) if kind == "watch" else store.listen(pubsub, "a")

    [(_, record)] = db.scan(KEY.table)
    assert record.value == b"old"


def test_a_copy_that_comes_without_a_log_of_writes_gets_one_from_who_has_it_open(store: InFile) -> None:
    db = store.db()
    put(db, KEY, b"old")
    copy = copy_of(store, "copy.db")
    connection = sqlite3.connect(copy)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    put_in_place(copy, store.path)

    with pytest.raises(faults.Replaced):
        put(db, KEY, b"lost")
    put(db, KEY, b"new")

    connection = sqlite3.connect(store.path)
    [[mode]] = connection.execute("PRAGMA journal_mode")
    connection.close()
    assert mode == "wal", "readers and writers wait for each other without"


def test_something_else_in_the_place_of_the_file_is_refused_and_left_alone(store: InFile) -> None:
    db = store.db()
    put(db, KEY)
    take_away(store.path)
    store.path.write_bytes(b"not yours" * 1000)

    with pytest.raises(faults.Replaced):
        put(db, KEY)
    with pytest.raises(faults.Foreign, match="is not a SQLite database") as caught:
        put(db, KEY)

    assert understand(caught.value, db.errors).kind is Refused
    assert store.path.read_bytes() == b"not yours" * 1000


def test_a_handle_on_a_replaced_file_takes_nothing_with_it_when_it_ends(store: InFile) -> None:
    old, pubsub = store.db(), store.pubsub()
    put(old, KEY, b"old")
    feed = store.listen(pubsub, "a")
    take_away(store.path)
    new = store.db()
    revision = put(new, KEY, b"new")

    feed.close()
    old.close()
    pubsub.close()

    names = {path.name for path in store.path.parent.iterdir()}
    assert names == {"app.db", "app.db-wal", "app.db-shm"}
    record = get(store.db(), KEY)
    assert record is not None
    assert record.revision == revision


def test_a_file_that_was_moved_is_not_the_file(store: InFile) -> None:
    db = store.db()
    put(db, KEY)
    shutil.move(store.path, store.path.with_name("moved.db"))

    with pytest.raises(faults.Missing):
        put(db, KEY)

    assert list(store.path.parent.glob("app.db")) == []
