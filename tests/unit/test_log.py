"""Messages over a store that has none: nothing lost, nothing twice, or told."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from contract_tests.fault import Fault
from contract_tests.faults.faulty import FaultyDb
from contract_tests.faults.simulated import Simulated
from contract_tests.plan import Plan
from dfbackends.api import Confirmed, DbApi, Feed, Gone, Key, Message, OpId, Table, Write
from dfbackends.drivers.log import LogFeed, LogPubSub
from dfbackends.drivers.memory import MemoryDb, shared

TABLE = Table("!log", "!log")


@pytest.fixture
def db() -> Iterator[DbApi]:
    db = MemoryDb(shared(secrets.token_hex(8)))
    yield db
    db.close()


def received(feed: Feed[str, Message], count: int) -> list[Any]:
    """Return the next events, ``count`` of them."""
    events: list[Any] = []
    until = time.monotonic() + 10
    while len(events) < count:
        assert time.monotonic() < until, events
        events += feed.receive(0.1)
    assert len(events) == count
    return events


def listening(db: DbApi, *topics: str) -> LogFeed:
    feed = LogPubSub(db, TABLE).listen()
    feed.subscribe(topics)
    received(feed, len(topics))
    return feed


def data(events: list[Any]) -> list[bytes]:
    return [event.data for event in events if isinstance(event, Message)]


def test_messages_arrive_in_order_and_form_a_chain(db: DbApi) -> None:
    feed = listening(db, "a")
    pubsub = LogPubSub(db, TABLE)

    pubsub.publish([Message("a", b"1"), Message("b", b"x"), Message("a", b"2")])
    pubsub.publish([Message("a", b"3")])
    events = received(feed, 3)

    assert data(events) == [b"1", b"2", b"3"]
    assert [event.prev for event in events[1:]] == [event.head for event in events[:-1]]


def test_a_subscription_begins_where_it_was_asked_for(db: DbApi) -> None:
    pubsub = LogPubSub(db, TABLE)
    feed = listening(db, "a")
    pubsub.publish([Message("b", b"old"), Message("a", b"1")])

    feed.subscribe(["b", "a"])
    events = received(feed, 3)
    pubsub.publish([Message("b", b"2")])
    events += received(feed, 1)

    assert [type(event) for event in events] == [Message, Confirmed, Confirmed, Message]
    assert data(events) == [b"1", b"2"]
    assert events[2].head == events[0].head, "the head of a topic that was subscribed already"
    assert events[3].prev == events[1].head


def test_the_end_of_a_long_log_is_found(db: DbApi) -> None:
    pubsub = LogPubSub(db, TABLE, rows=100_000)
    for count in (1, 14, 15, 16, 17, 255, 256, 700, 3000):
        pubsub.publish([Message("a", b"x")] * count)
        another = LogPubSub(db, TABLE, rows=100_000)
        feed = listening(db, "a")
        another.publish([Message("a", b"last")])

        assert data(received(feed, 1)) == [b"last"]


def test_a_feed_goes_on_where_another_ended(db: DbApi) -> None:
    pubsub = LogPubSub(db, TABLE)
    feed = listening(db, "a")
    pubsub.publish([Message("a", b"1")])
    received(feed, 1)
    position = feed.position
    feed.close()
    pubsub.publish([Message("a", b"2")])

    later = pubsub.listen(position)
    later.subscribe(["a"])
    events = received(later, 2)

    assert [type(event) for event in events] == [Confirmed, Message], "a topic is confirmed before what follows the position"
    assert data(events) == [b"2"]


def test_a_feed_that_is_overtaken_says_so(db: DbApi) -> None:
    pubsub = LogPubSub(db, TABLE, rows=16)
    feed = listening(db, "a")
    position = feed.position
    for number in range(100):
        pubsub.publish([Message("a", b"%d" % number)])

    with pytest.raises(Gone):
        feed.receive(0)
    with pytest.raises(Gone):
        pubsub.listen(position)


def test_a_log_keeps_what_it_promises_and_an_eighth_more_at_most(db: DbApi) -> None:
    pubsub = LogPubSub(db, TABLE, rows=16)

    for number in range(200):
        pubsub.publish([Message("a", b"%d" % number)])

    kept = sorted(name for name, _ in db.scan(TABLE) if name != "meta")
    assert 16 <= len(kept) <= 16 + 2 * 2 + 1
    assert kept[-1] == f"{200:020}"


def test_a_store_that_was_wiped_or_is_another_is_noticed(db: DbApi) -> None:
    pubsub = LogPubSub(db, TABLE)
    pubsub.publish([Message("a", b"1")])
    feed = listening(db, "a")

    db.drop(TABLE)
    LogPubSub(db, TABLE).publish([Message("a", b"1")])

    with pytest.raises(Gone):
        feed.receive(0)


def test_an_older_copy_that_was_written_on_is_noticed(db: DbApi) -> None:
    pubsub = LogPubSub(db, TABLE)
    pubsub.publish([Message("a", b"1")])
    copy = dict(db.scan(TABLE))
    pubsub.publish([Message("a", b"2")])
    feed = listening(db, "a")

    db.drop(TABLE)
    db.write([Write(Key(TABLE, name), record.value, record.topic) for name, record in copy.items()], OpId("restore"))
    LogPubSub(db, TABLE).publish([Message("a", b"another 2"), Message("a", b"3")])

    with pytest.raises(Gone):
        feed.receive(0)


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.CUT, Fault.LOST_REPLY, Fault.LATE])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_message_that_is_sent_again_after_an_error_is_there_once(db: DbApi, fault: Fault, at: int) -> None:
    plan = Plan(lambda topic: topic)
    pubsub = LogPubSub(FaultyDb(db, Simulated(plan)), TABLE)
    feed = listening(db, "a")
    messages = [Message("a", b"1"), Message("a", b"2"), Message("a", b"3")]

    plan.arm(fault, at=at)
    with pytest.raises(Exception, match="password"):
        pubsub.publish(messages)
    pubsub.publish(messages)
    plan.release()
    LogPubSub(db, TABLE).publish([Message("a", b"4")])

    assert data(received(feed, 4)) == [b"1", b"2", b"3", b"4"]


def test_publishers_in_many_threads_lose_nothing(db: DbApi) -> None:
    feed = listening(db, "a")

    def publish(name: int) -> None:
        pubsub = LogPubSub(db, TABLE)
        for number in range(50):
            pubsub.publish([Message("a", b"%d %d" % (name, number))])

    threads = [threading.Thread(target=publish, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    events = received(feed, 400)
    for thread in threads:
        thread.join(timeout=10)

    for name in range(8):
        own = [line for line in data(events) if line.startswith(b"%d " % name)]
        assert own == [b"%d %d" % (name, number) for number in range(50)]


def test_closing_ends_a_receive_that_waits(db: DbApi) -> None:
    feed = listening(db, "a")
    ended = threading.Event()

    def receive() -> None:
        try:
            feed.receive(60)
        except Exception:
            ended.set()

    reader = threading.Thread(target=receive)
    reader.start()
    feed.close()
    feed.close()

    assert ended.wait(10)
    reader.join(timeout=10)
