"""What both embedded stores promise of entries and operations."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dfbackends.api import Expect, Fence, Key, Message, Record, Stream, Table, Write
from tests.embedded import ALL, KEY, KINDS, TABLE, Db, Embedded, delete, get, op, put, received

OTHER = Key(TABLE, "other")


@pytest.fixture(params=sorted(KINDS))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Embedded]:
    store = KINDS[request.param](tmp_path)
    yield store
    store.close()


@pytest.fixture
def db(store: Embedded) -> Db:
    return store.db()


@pytest.mark.parametrize(
    ("present", "expect", "done"),
    [
        (False, Expect.ANY, True),
        (False, Expect.ABSENT, True),
        (False, Expect.PRESENT, False),
        (False, "stale", False),
        (False, 0, False),
        (True, Expect.ANY, True),
        (True, Expect.ABSENT, False),
        (True, Expect.PRESENT, True),
        (True, "current", True),
        (True, "stale", False),
        (True, 0, False),
    ],
)
@pytest.mark.parametrize("value", [b"new", None])
def test_a_write_is_done_where_its_expectation_holds_and_else_changes_nothing(
    db: Db, present: bool, expect: Expect | str | int, done: bool, value: bytes | None
) -> None:
    stale = put(db, KEY, b"oldest")
    current = put(db, KEY, b"old", "topic") if present else delete(db, KEY)
    before = get(db, KEY)
    expected = {"stale": stale, "current": current}[expect] if isinstance(expect, str) else expect

    [revision] = db.write([Write(KEY, value, "", expected)], op())

    if not done:
        assert revision is None
        assert get(db, KEY) == before
    else:
        assert revision is not None
        assert revision > current
        assert get(db, KEY) == (None if value is None else Record(b"new", revision, ""))


def test_revisions_of_a_key_grow_over_delete_and_create(db: Db) -> None:
    revisions = [put(db, KEY), delete(db, KEY), delete(db, KEY), put(db, KEY), put(db, KEY)]

    assert revisions == sorted(set(revisions))


def test_results_are_in_the_order_of_the_request_and_missing_items_keep_their_place(db: Db) -> None:
    put(db, OTHER)
    keys = [Key(TABLE, f"{number}") for number in range(5)]

    revisions = db.write([Write(OTHER, b"x", "", Expect.ABSENT), *(Write(key, key.name.encode()) for key in keys)], op())
    records = db.read([Key(TABLE, "missing"), *reversed(keys)])

    assert revisions[0] is None
    assert records[0] is None
    assert records[1:] == [
        Record(key.name.encode(), revision or 0) for key, revision in reversed([*zip(keys, revisions[1:], strict=True)])
    ]


def test_nothing_is_read_or_written_for_nothing(db: Db) -> None:
    assert db.read([]) == []
    assert db.write([], op()) == []
    assert db.commit([], {}, [], op()) == []


def test_names_and_values_survive_whatever_they_hold(db: Db) -> None:
    names = [
        "\0",
        "a\0b",
        "a\0c",
        "'; DROP TABLE entry; --",
        "%",
        "_",
        "*",
        "[a-z]",
        "?",
        "\n",
        " k",
        "k ",
        "K",
        "k",
        "\u00e9",
        "e\u0301",
        "𐀀",
        "\uffff",
        "x" * 512,
    ]
    tables = [Table(name, name) for name in ["\0", "a", "a\0", "%", "log", "entry"]]
    keys = [Key(table, name) for table in tables for name in names]

    db.write([Write(key, f"{key.table.name}|{key.name}".encode(), key.name) for key in keys], op())

    for table in tables:
        entries = {name: record.value for name, record in db.scan(table)}
        assert entries == {name: f"{table.name}|{name}".encode() for name in names}
        for name in names:
            assert [found for found, _ in db.scan(table, name)] == [name]
    assert [record.value for record in db.read(keys) if record] == [f"{key.table.name}|{key.name}".encode() for key in keys]


@pytest.mark.parametrize("value", [b"", b"\0\xff", b"x" * (1 << 20)])
def test_values_are_bytes_of_any_kind(db: Db, value: bytes) -> None:
    revision = put(db, KEY, value)

    assert get(db, KEY) == Record(value, revision)


def test_a_write_with_another_topic_moves_the_entry(db: Db) -> None:
    put(db, KEY, b"1", "a")
    put(db, OTHER, b"2", "a")

    put(db, KEY, b"3", "b")

    assert [name for name, _ in db.scan(TABLE, "a")] == ["other"]
    assert [name for name, _ in db.scan(TABLE, "b")] == ["k"]
    delete(db, KEY)
    assert list(db.scan(TABLE, "b")) == []
    put(db, OTHER, b"4")
    assert list(db.scan(TABLE, "a")) == []


def test_a_scan_of_many_pages_is_complete_and_leaves_other_tables_alone(db: Db) -> None:
    names = {f"{number:05}" for number in range(2_500)}
    put(db, Key(Table("t2", "t2"), "foreign"), b"v", "even")
    db.write([Write(Key(TABLE, name), name.encode(), "even" if int(name) % 2 == 0 else "odd") for name in names], op())

    entries = list(db.scan(TABLE))
    even = list(db.scan(TABLE, "even"))

    assert sorted(name for name, _ in entries) == sorted(names)
    assert sorted(name for name, _ in even) == sorted(name for name in names if int(name) % 2 == 0)
    assert list(db.scan(Table("absent", "absent"))) == []


def test_an_entry_that_was_there_throughout_a_scan_comes_once(db: Db) -> None:
    stable = {f"{number:05}" for number in range(0, 3_000, 2)}
    db.write([Write(Key(TABLE, name), b"v") for name in stable], op())

    seen = []
    for number, (name, _) in enumerate(db.scan(TABLE)):
        seen.append(name)
        put(db, Key(TABLE, f"{(number * 7919) % 3_000 // 2 * 2 + 1:05}"))
        put(db, Key(TABLE, name), b"changed")
        delete(db, Key(TABLE, f"{(number * 104729) % 3_000 // 2 * 2 + 1:05}"))

    assert len(seen) == len(set(seen))
    assert stable <= set(seen)


def test_drop_removes_one_table_however_large(db: Db) -> None:
    kept = Key(Table("t2", "t2"), "kept")
    put(db, kept)
    db.write([Write(Key(TABLE, f"{number}"), b"v", "topic") for number in range(2_001)], op())

    db.drop(TABLE)
    db.drop(TABLE)

    assert list(db.scan(TABLE)) == []
    assert list(db.scan(TABLE, "topic")) == []
    assert get(db, kept) is not None


def test_a_commit_does_everything(db: Db) -> None:
    first = put(db, KEY)
    delete_me = Key(TABLE, "delete me")
    put(db, delete_me)

    revisions = db.commit(
        [Write(OTHER, b"o", "topic", Expect.ABSENT), Write(delete_me, None, "", Expect.PRESENT)],
        {KEY: first, Key(TABLE, "absent"): Expect.ABSENT},
        [],
        op(),
    )

    assert revisions is not None
    assert db.read([OTHER, delete_me]) == [Record(b"o", revisions[0], "topic"), None]


@pytest.mark.parametrize("check", [Expect.ABSENT, 1])
def test_a_commit_with_a_check_that_fails_does_nothing(store: Embedded, db: Db, check: Expect | int) -> None:
    put(db, KEY, b"old")
    feed = store.listen(store.pubsub(), "topic")

    assert db.commit([Write(OTHER, b"new")], {KEY: check}, [Message("topic", b"data")], op()) is None

    assert get(db, OTHER) is None
    assert feed.receive(0) == []


def test_a_commit_with_an_expectation_that_fails_anywhere_does_nothing(db: Db) -> None:
    writes = [Write(Key(TABLE, f"{number}"), b"v") for number in range(3)]
    for place in range(3):
        failing = [write._replace(expect=Expect.PRESENT) if at == place else write for at, write in enumerate(writes)]

        assert db.commit(failing, {}, [], op()) is None

        assert list(db.scan(TABLE)) == []


def test_an_operation_that_comes_again_is_answered_and_not_done_again(store: Embedded, db: Db) -> None:
    create, upsert, several = op(), op(), op()
    mixed = [Write(KEY, b"x", "", Expect.ABSENT), Write(Key(TABLE, "new"), b"n")]
    created = db.write([Write(KEY, b"1", "", Expect.ABSENT)], create)
    upserted = db.write([Write(KEY, b"2")], upsert)
    answered = db.write(mixed, several)
    revision = put(db, KEY, b"3")
    again = store.db()

    assert again.write([Write(KEY, b"1", "", Expect.ABSENT)], create) == created
    assert again.write([Write(KEY, b"2")], upsert) == upserted
    assert again.write(mixed, several) == answered
    assert answered[0] is None
    assert get(db, KEY) == Record(b"3", revision)


def test_a_commit_that_comes_again_is_answered_and_sends_nothing_again(store: Embedded, db: Db) -> None:
    feed = store.listen(store.pubsub(), "topic")
    committed = op()

    first = db.commit([Write(KEY, b"1", "", Expect.ABSENT)], {}, [Message("topic", b"data")], committed)
    again = db.commit([Write(KEY, b"1", "", Expect.ABSENT)], {}, [Message("topic", b"data")], committed)

    assert first == again
    assert first is not None
    assert [message.data for message in received(feed, 1)] == [b"data"]
    assert feed.receive(0) == []


def test_cancelling_what_was_done_answers_its_outcome(store: Embedded, db: Db) -> None:
    put(db, OTHER)
    written, committed = op(), op()
    revisions = db.write([Write(KEY, b"1"), Write(OTHER, b"x", "", Expect.ABSENT)], written)
    committed_revisions = db.commit([Write(OTHER, b"2")], {}, [], committed)

    assert store.db().cancel([KEY, OTHER], written) == revisions
    assert db.cancel([OTHER], committed) == committed_revisions
    assert db.cancel([OTHER], committed) == committed_revisions


def test_what_was_cancelled_is_refused_when_it_arrives_late(store: Embedded, db: Db) -> None:
    written, committed = op(), op()
    revision = put(db, KEY, b"old")

    assert db.cancel([KEY, OTHER], written) == [Fence.NEVER, Fence.NEVER]
    assert db.cancel([KEY], committed) == [Fence.NEVER]

    assert store.db().write([Write(KEY, b"late"), Write(OTHER, b"late")], written) == [None, None]
    assert db.commit([Write(KEY, b"late")], {}, [], committed) is None
    assert db.cancel([KEY], written) == [Fence.NEVER]
    assert db.read([KEY, OTHER]) == [Record(b"old", revision), None]


def test_a_head_differs_after_each_change_of_its_stream_and_of_no_other(store: Embedded, db: Db) -> None:
    streams = [ALL, Stream(TABLE, "a"), Stream(TABLE, "b"), Stream(Table("t2", "t2"))]
    other = store.db()

    def changed(change: object) -> list[bool]:
        after = db.heads(streams)
        assert other.heads(streams) == after
        different = [before != now for before, now in zip(heads[-1], after, strict=True)]
        heads.append(after)
        return different

    heads = [db.heads(streams)]
    assert changed(put(db, KEY, b"1", "a")) == [True, True, False, False]
    assert changed(put(db, KEY, b"1", "a")) == [True, True, False, False]
    assert changed(put(other, KEY, b"1", "b")) == [True, True, True, False]
    assert changed(put(db, KEY, b"1")) == [True, False, True, False]
    assert changed(put(db, Key(Table("t2", "t2"), "k"))) == [False, False, False, True]
    assert changed(put(db, KEY, b"1", "a")) == [True, True, False, False]
    assert changed(delete(db, KEY)) == [True, True, False, False]
    assert changed(put(db, OTHER, b"1", "b")) == [True, False, True, False]
    db.drop(TABLE)
    assert changed(None) == [True, False, True, False]
    assert changed(get(db, KEY)) == [False] * 4


def test_increments_of_many_threads_add_up(store: Embedded) -> None:
    put(store.db(), KEY, b"0")
    shared = store.db()

    def increment(db: Db) -> None:
        done = 0
        while done < 50:
            record = get(db, KEY)
            assert record is not None
            done += db.write([Write(KEY, b"%d" % (int(record.value) + 1), "", record.revision)], op()) != [None]

    threads = [threading.Thread(target=increment, args=(shared if number % 2 else store.db(),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    final = get(shared, KEY)
    assert final is not None
    assert final.value == b"400"


def test_after_close_every_call_raises_what_means_closed(store: Embedded) -> None:
    db, pubsub = store.db(), store.pubsub()
    for handle in (db, pubsub, db, pubsub):
        handle.close()

    for call in (
        lambda: db.read([KEY]),
        lambda: db.write([Write(KEY, b"v")], op()),
        lambda: db.commit([], {}, [], op()),
        lambda: db.cancel([KEY], op()),
        lambda: list(db.scan(TABLE)),
        lambda: db.drop(TABLE),
        lambda: db.heads([ALL]),
        lambda: pubsub.publish([Message("t", b"d")]),
    ):
        with pytest.raises(store.closed):
            call()


def test_closing_while_threads_call_ends_them_with_a_plain_exception(store: Embedded) -> None:
    db = store.db()
    ended: list[Exception] = []
    begun = threading.Barrier(9)

    def work(number: int) -> None:
        begun.wait(10)
        try:
            while True:
                put(db, Key(TABLE, f"{number}"))
                get(db, KEY)
                list(db.scan(TABLE))
        except store.closed as error:
            ended.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    begun.wait(10)
    eventual = store.db()
    while not list(eventual.scan(TABLE)):
        pass
    db.close()
    for thread in threads:
        thread.join(10)

    assert len(ended) == 8
