"""How the log of a file is trimmed, what is kept of it, and how its readers are woken."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dfbackends.api import Fence, Message, Stream, Write
from dfbackends.drivers.sqlite import SqliteDb, Trim
from tests.embedded import ALL, KEY, TABLE, InFile, delete, eventually, fill, op, put, received

A, B = Stream(TABLE, "a"), Stream(TABLE, "b")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[InFile]:
    store = InFile(tmp_path)
    yield store
    store.close()


class Clock:
    """The monotonic clock of a driver, set forward by hand."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def clock(store: InFile) -> Clock:
    clock = Clock()
    store.trim = {"clock": clock}
    return clock


def rows(store: InFile, query: str) -> list[Any]:
    connection = sqlite3.connect(store.path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_the_log_keeps_about_as_many_rows_as_asked_for(store: InFile) -> None:
    db = store.db(log_rows=80)

    for number in range(500):
        put(db, KEY._replace(name=f"{number}"))

    [[kept]] = rows(store, "SELECT count(*) FROM log")
    assert 80 <= kept <= 92


def test_a_log_of_one_row_is_never_empty(store: InFile) -> None:
    db, pubsub = store.db(log_rows=1), store.pubsub(log_rows=1)
    feed = store.listen(pubsub, "a")

    for number in range(20):
        put(db, KEY)
        pubsub.publish([Message("b", b"%d" % number)])
        feed = store.listen(pubsub, "a") if number % 5 == 4 else feed

    assert rows(store, "SELECT count(*) FROM log")[0][0] >= 1
    pubsub.publish([Message("a", b"x")])
    assert [message.data for message in received(feed, 1)] == [b"x"]


def test_a_large_log_is_trimmed_in_steps(store: InFile) -> None:
    db = store.db(log_rows=100_000)
    db.write([Write(KEY._replace(name=f"{number}"), b"v", f"{number % 5}") for number in range(5_000)], op())
    heads = db.heads([ALL, *(Stream(TABLE, f"{number}") for number in range(5))])
    store.trim = {"step": 700}
    db.close()

    small = store.db(log_rows=10)
    put(small, KEY._replace(table=TABLE._replace(name="other")))

    assert rows(store, "SELECT count(*) FROM log") == [(11,)]
    assert small.heads([ALL, *(Stream(TABLE, f"{number}") for number in range(5))]) == heads


def test_heads_stay_when_the_rows_they_came_from_go(store: InFile) -> None:
    db, watching = store.db(log_rows=8), store.db(log_rows=8)
    put(db, KEY, b"1", "a")
    put(db, KEY, b"2", "b")
    delete(db, KEY)
    heads = db.heads([ALL, A, B])
    assert watching.heads([ALL, A, B]) == heads

    for _ in range(100):
        put(db, KEY._replace(table=TABLE._replace(name="other")))

    assert db.heads([ALL, A, B]) == heads
    assert watching.heads([ALL, A, B]) == heads
    assert store.db().heads([ALL, A, B]) == heads
    feed = store.watch(db)
    feed.subscribe([ALL, A, B])
    assert [confirmed.head for confirmed in received(feed, 3)] == heads
    put(db, KEY, b"3", "a")
    changes = {change.stream: change.prev for change in received(feed, 2)}
    assert changes == {ALL: heads[0], A: heads[1]}


def test_an_outcome_is_kept_for_its_time_and_then_removed(store: InFile, clock: Clock) -> None:
    db = store.db(log_rows=8, keep=100.0)
    early = op()
    [revision] = db.write([Write(KEY, b"v")], early)

    clock.ahead = 95.0
    for _ in range(20):
        put(db, KEY)
    assert db.cancel([KEY], early) == [revision]

    clock.ahead = 105.0
    for _ in range(50):
        put(db, KEY)
    assert rows(store, f"SELECT count(*) FROM outcome WHERE op = '{early}'") == [(0,)]


def test_a_fence_is_kept_for_an_hour(store: InFile, clock: Clock) -> None:
    db = store.db(log_rows=8, keep=100.0)
    cancelled = op()
    db.cancel([KEY], cancelled)

    clock.ahead = 3_500.0
    for _ in range(50):
        put(db, KEY)
    assert db.write([Write(KEY, b"late")], cancelled) == [None]
    assert db.cancel([KEY], cancelled) == [Fence.NEVER]

    clock.ahead = 3_700.0
    for _ in range(50):
        put(db, KEY)
    assert rows(store, f"SELECT count(*) FROM outcome WHERE op = '{cancelled}'") == [(0,)]


def test_outcomes_from_before_a_start_of_the_machine_are_removed(store: InFile, clock: Clock) -> None:
    clock.ahead = 1e6
    old = store.db(log_rows=8)
    put(old, KEY)
    old.close()
    clock.ahead = 0.0

    db = store.db(log_rows=8)
    for _ in range(50):
        put(db, KEY)

    assert rows(store, f"SELECT count(*) FROM outcome WHERE until > {time.monotonic() + 1e5}") == [(0,)]


def test_a_sweep_comes_round_to_every_outcome(store: InFile, clock: Clock) -> None:
    store.trim["sweep"] = 25
    db = store.db(log_rows=80, keep=10.0)
    for _ in range(300):
        put(db, KEY)

    clock.ahead = 20.0
    for _ in range(300):
        put(db, KEY)

    [[old]] = rows(store, f"SELECT count(*) FROM outcome WHERE until < {clock()}")
    assert old == 0


def test_a_full_file_is_trimmed_where_there_is_no_room_to_write(store: InFile) -> None:
    db = SqliteDb(store.file(max_size=1), Trim(rows=40))
    value = b"x" * 4_000
    written = fill(db, value)

    for name in written[:10]:
        delete(db, KEY._replace(name=name))

    for _ in range(100):
        put(db, KEY, value)
    db.close()


def test_a_closed_feed_is_no_listener_any_more(store: InFile) -> None:
    feed = store.listen(store.pubsub(), "a")
    assert len(rows(store, "SELECT address FROM listener")) == 1

    feed.close()

    assert rows(store, "SELECT address FROM listener") == []


def test_a_listener_that_died_is_removed_by_the_next_writer(store: InFile) -> None:
    db = store.db()
    alive = store.watch(db, ALL)
    connection = sqlite3.connect(store.path)
    connection.execute("INSERT INTO listener VALUES ('@dfbackends-dead'), ('/nowhere/dfbackends/bell')")
    connection.commit()
    connection.close()

    put(db, KEY)

    assert len(rows(store, "SELECT address FROM listener")) == 1
    received(alive, 1)


def test_a_ring_that_was_lost_only_delays(store: InFile) -> None:
    pubsub = store.pubsub()
    feed = store.listen(pubsub, "a")
    connection = sqlite3.connect(store.path)
    connection.execute("DELETE FROM listener")
    connection.commit()
    connection.close()

    pubsub.publish([Message("a", b"1")])

    assert [message.data for message in received(feed, 1)] == [b"1"]


def test_a_writer_is_not_held_up_by_a_listener_that_does_not_listen(store: InFile) -> None:
    db = store.db()
    store.watch(db, ALL)

    for _ in range(2_000):
        put(db, KEY)


def test_a_feed_without_news_uses_no_processor_time(store: InFile) -> None:
    feed = store.listen(store.pubsub(), "a")
    feed.receive(0.1)
    began = time.thread_time()

    for _ in range(10):
        assert feed.receive(0.1) == []

    assert time.thread_time() - began < 0.05


def test_no_thread_is_started(store: InFile) -> None:
    before = threading.active_count()

    db, pubsub = store.db(), store.pubsub()
    store.watch(db, ALL)
    store.listen(pubsub, "a")
    put(db, KEY)

    assert threading.active_count() == before


def test_bells_of_other_systems_are_files_and_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, store: InFile) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    pubsub = store.pubsub()
    feed = store.listen(pubsub, "a")
    [[address]] = rows(store, "SELECT address FROM listener")
    assert os.stat(os.path.dirname(address)).st_mode & 0o777 == 0o700

    pubsub.publish([Message("a", b"1")])
    assert [message.data for message in received(feed, 1)] == [b"1"]
    feed.close()

    eventually(lambda: not os.path.exists(os.path.dirname(address)))
