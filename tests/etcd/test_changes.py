"""What the lines of the driver promise of changes."""

from __future__ import annotations

from pathlib import Path

from dfbackends.api import Change, Key, Stream, Table
from dfbackends_etcd.db import EtcdDb
from dfbackends_etcd.layout import table_prefix
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.testing import EtcdServer
from tests.embedded import delete, put, received
from tests.etcd.conftest import Listen, OpenDriver
from tests.etcd.heard import chained, told_of


def test_a_change_carries_its_record_and_the_heads_of_its_stream(db: EtcdDb, table: Table, line: Listen) -> None:
    whole, part = Stream(table), Stream(table, "a")
    first = put(db, Key(table, "old"), b"0", "a")
    feed = line(db.watch)
    feed.subscribe([whole, part])
    confirmed = received(feed, 2)
    assert [event.head for event in confirmed] == db.heads([whole, part])

    second = put(db, Key(table, "k"), b"1", "a")
    third = put(db, Key(table, "k"), b"2", "b")
    fourth = delete(db, Key(table, "old"))
    events = [event for event in received(feed, 6) if isinstance(event, Change)]

    for stream, begin in zip((whole, part), confirmed, strict=True):
        own = [event for event in events if event.stream == stream]
        assert chained(own, begin.head)
        assert [own[-1].head] == db.heads([stream])
        assert [event.revision for event in own] == [second, third, fourth]
    told = {stream: [told_of(event) for event in events if event.stream == stream] for stream in (whole, part)}
    assert told[whole] == [("k", b"1", "a"), ("k", b"2", "b"), ("old", None, None)]
    assert told[part] == [("k", b"1", "a"), ("k", None, None), ("old", None, None)]
    assert first < second


def test_heads_are_never_those_of_another_store_with_the_same_revisions(tmp_path: Path, driver: OpenDriver) -> None:
    heads = []
    for number in range(2):
        server = EtcdServer(tmp_path / str(number))
        server.start()
        try:
            db = driver(server.url)
            revision = put(db, Key(Table("t", "t"), "k"))
            heads.append((revision, db.heads([Stream(Table("t", "t"))])))
        finally:
            server.kill()

    (one, its), (other, others) = heads
    assert one == other
    assert its != others


def test_an_entry_that_moves_enters_its_new_topic_before_it_leaves_the_old_one(db: EtcdDb, table: Table, line: Listen) -> None:
    streams = [Stream(table, name) for name in "abcdefgh"]
    feed = line(db.watch, *streams)
    put(db, Key(table, "k"), b"0", "a")
    received(feed, 1)

    for number in range(1, 40):
        put(db, Key(table, "k"), b"%d" % number, "abcdefgh"[number % 8])
        events = received(feed, 2)
        assert [(event.stream.topic, event.record is None) for event in events] == [
            ("abcdefgh"[number % 8], False),
            ("abcdefgh"[(number - 1) % 8], True),
        ]


def test_an_entry_that_leaves_for_where_nobody_looks_is_a_delete(db: EtcdDb, table: Table, line: Listen) -> None:
    feed = line(db.watch, Stream(table, "a"), Stream(table, "b"))
    put(db, Key(table, "k"), b"1", "a")
    received(feed, 1)

    put(db, Key(table, "k"), b"2", "elsewhere")
    [left] = received(feed, 1)

    assert told_of(left) == ("k", None, None)


def test_what_others_put_into_a_table_is_passed_over(server: EtcdServer, db: EtcdDb, table: Table, line: Listen) -> None:
    feed = line(db.watch)
    feed.subscribe([Stream(table)])
    [confirmed] = received(feed, 1)

    server.ask("KV", "Put", rpc.PutRequest(key=table_prefix(table.name) + b"k/", value=b"garbage"))
    put(db, Key(table, "l"), b"1")

    [change] = received(feed, 1)
    assert (change.name, change.prev) == ("l", confirmed.head)
