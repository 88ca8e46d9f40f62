"""One file, several processes, and what is left when one of them is killed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from dfbackends.api import Expect, Fence, Key, Message, OpId, Record, Write
from tests.embedded import ALL, KEY, ROOT, TABLE, InFile, get, put, received

_PRELUDE = """
import os, signal, sys, time
from tests.embedded import *
from dfbackends.api import *
from dfbackends.drivers.sqlite import File, SqliteDb, SqlitePubSub
file = File(sys.argv[1])
"""

_INCREMENT = """
db = SqliteDb(file)
done = 0
while done < 100:
    record = get(db, KEY)
    done += db.write([Write(KEY, b"%d" % (int(record.value) + 1), "", record.revision)], op()) != [None]
db.close()
"""

_LOAD = """
db = SqliteDb(file, Trim(rows=200))
number = 0
while True:
    db.write([Write(Key(TABLE, f"{number + i:06}"), b"v" * 100, "topic") for i in range(10)], op())
    number += 10
    print(number, flush=True)
"""

_DIE = """
from dfbackends.drivers.sqlite.session import Session
def die(session):
    if sys.argv[2] == "after":
        session._connection.execute("COMMIT")
    os.kill(os.getpid(), signal.SIGKILL)
db = SqliteDb(file)
Session.commit = die
db.commit([Write(KEY, b"v", "", Expect.ABSENT)], {}, [Message("a", b"m")], OpId("the operation"))
"""

_ECHO = """
pubsub = SqlitePubSub(file)
feed = pubsub.listen()
feed.subscribe(["ask"])
while True:
    for event in feed.receive(1.0):
        if isinstance(event, Confirmed):
            print("ready", flush=True)
        else:
            pubsub.publish([Message("answer", event.data)])
"""

_SEND = """
pubsub = SqlitePubSub(file)
for number in range(500):
    pubsub.publish([Message("a", b"%s %d" % (sys.argv[2].encode(), number))])
pubsub.close()
"""


OPERATION = OpId("the operation")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[InFile]:
    store = InFile(tmp_path)
    yield store
    store.close()


@contextmanager
def process(store: InFile, script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", _PRELUDE + script, str(store.path), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as running:
        try:
            yield running
        finally:
            running.kill()


def test_increments_of_processes_add_up(store: InFile) -> None:
    db = store.db()
    put(db, KEY, b"0")

    with ExitStack() as running:
        processes = [running.enter_context(process(store, _INCREMENT)) for _ in range(3)]
        assert [each.wait(60) for each in processes] == [0, 0, 0]

    record = get(db, KEY)
    assert record is not None
    assert record.value == b"300"


def test_what_a_killed_process_was_told_is_there(store: InFile) -> None:
    db = store.db()
    feed = store.watch(db, ALL)
    acknowledged = 0

    for _ in range(3):
        with process(store, _LOAD) as loading:
            assert loading.stdout is not None
            for _ in range(20):
                acknowledged = max(acknowledged, int(loading.stdout.readline()))
            loading.kill()

        names = [name for name, _ in db.scan(TABLE)]
        assert len(names) % 10 == 0
        assert names[:acknowledged] == [f"{number:06}" for number in range(acknowledged)]
        assert sorted(name for name, _ in db.scan(TABLE, "topic")) == names
        assert put(db, Key(TABLE, "000000"))
    feed.close()


def test_an_operation_of_a_process_that_died_after_its_commit_is_known(store: InFile) -> None:
    db, feed = store.db(), store.listen(store.pubsub(), "a")

    with process(store, _DIE, "after") as dying:
        assert dying.wait(30) == -9

    record = get(db, KEY)
    assert record is not None
    assert db.cancel([KEY], OPERATION) == [record.revision]
    assert db.commit([Write(KEY, b"v", "", Expect.ABSENT)], {}, [Message("a", b"m")], OPERATION) == [record.revision]
    assert [message.data for message in received(feed, 1)] == [b"m"]
    assert feed.receive(0) == []


def test_an_operation_of_a_process_that_died_before_its_commit_left_nothing(store: InFile) -> None:
    db, feed = store.db(), store.listen(store.pubsub(), "a")

    with process(store, _DIE, "before") as dying:
        assert dying.wait(30) == -9

    assert get(db, KEY) is None
    assert db.cancel([KEY], OPERATION) == [Fence.NEVER]
    assert put(db, KEY)
    assert feed.receive(0) == []


def test_messages_cross_processes_at_once(store: InFile) -> None:
    pubsub = store.pubsub()
    feed = store.listen(pubsub, "answer")

    with process(store, _ECHO) as echo:
        assert echo.stdout is not None
        assert echo.stdout.readline() == "ready\n"
        for number in range(50):
            pubsub.publish([Message("ask", b"%d" % number)])
            # Both sides would wait for a second each if nothing woke them.
            [answer] = feed.receive(0.5)
            assert isinstance(answer, Message)
            assert answer.data == b"%d" % number


def test_messages_of_several_processes_keep_their_order_and_are_complete(store: InFile) -> None:
    feed = store.listen(store.pubsub(), "a")

    with ExitStack() as running:
        senders = ["one", "two", "three"]
        processes = [running.enter_context(process(store, _SEND, name)) for name in senders]
        messages = received(feed, 1_500)
        assert [each.wait(30) for each in processes] == [0, 0, 0]

    for name in senders:
        mine = [int(message.data.split()[1]) for message in messages if message.data.startswith(name.encode())]
        assert mine == list(range(500))
    assert all(later.prev == earlier.head for earlier, later in pairwise(messages))


def test_a_killed_listener_is_forgotten_and_disturbs_nobody(store: InFile) -> None:
    db, pubsub = store.db(), store.pubsub()

    with process(store, _ECHO) as echo:
        assert echo.stdout is not None
        assert echo.stdout.readline() == "ready\n"
        echo.kill()
        echo.wait(10)

    revision = put(db, KEY)
    pubsub.publish([Message("ask", b"1")])
    connection = sqlite3.connect(store.path)
    assert connection.execute("SELECT address FROM listener").fetchall() == []
    connection.close()
    assert get(db, KEY) == Record(b"v", revision)
