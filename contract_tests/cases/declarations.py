"""What a backend declares: capabilities and limits."""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases, each_raises
from contract_tests.cases.keys import contents
from contract_tests.clients.inbox import Inbox
from contract_tests.clients.processes import Worker
from contract_tests.drivers import opened
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.waiting import FACTOR, SOON
from dfbackends import InvalidName, Refused, TooLarge
from dfbackends.api import Confirmed, Denied, Feed, Message, Position
from dfbackends.loader import installed
from dfbackends.url import parse


def wide(size: int, sign: str = "\N{GRINNING FACE}") -> str:
    """Return a text of so many bytes, as few characters as they can be."""
    width = len(sign.encode())
    return "a" * (size % width) + sign * (size // width)


def came(feed: Feed[str, Message], topic: str, data: bytes) -> Position | None:
    """Return the position behind a message, once it has come."""
    until = time.monotonic() + SOON * FACTOR
    while time.monotonic() < until:
        for item in feed.receive(0.1):
            assert not isinstance(item, Denied)
            if isinstance(item, Message) and (item.topic, item.data) == (topic, data):
                return feed.position
    raise AssertionError(f"{data!r} did not come")


def confirmed(feed: Feed[str, Message], topic: str) -> None:
    """Subscribe to a topic, and return once that is confirmed."""
    feed.subscribe([topic])
    until = time.monotonic() + SOON * FACTOR
    while not any(isinstance(item, Confirmed) for item in feed.receive(0.1)):
        assert time.monotonic() < until, "the subscription was not confirmed"


class DeclarationCases(Cases):
    """What is declared is true, and what is not declared is absent."""

    @clause("CONF-03", process=True)
    def test_declared_capabilities_are_those_of_the_driver(self, store: Store) -> None:
        """What the harness declares is what the driver can do, as the list of drivers tells it."""
        name = parse(store.url).name
        [driver] = [driver for driver in installed() if (driver.name, driver.kind) == (name, "db")]
        told = {"Transactional": Capability.TRANSACTIONAL, "Watching": Capability.WATCHING}

        assert driver.error is None
        assert {told[capability] for capability in driver.capabilities} == self.harness.capabilities & set(told.values())

    @clause("CONF-03")
    def test_transactions_are_there_or_not(self, store: Store) -> None:
        """Transactions work where they are declared, and are refused where they are not."""
        declared = Capability.TRANSACTIONAL in self.harness.capabilities
        assert store.db.transactional == declared
        if declared:
            with store.db.transaction() as tx:
                tx.put("t", "k", 1)
            assert contents(store.db, "t") == {"k": 1}
        else:
            with pytest.raises(Refused):
                store.db.transaction()

    @clause("CONF-03", needs=[Capability.TRANSACTIONAL], lacks=[Capability.JOINT])
    def test_another_carrier_takes_no_part_in_transactions(self, store: Store) -> None:
        """Where messages are carried by another backend a transaction refuses to publish, and nothing is written."""
        with pytest.raises(Refused), store.db.transaction() as tx:
            tx.put("t", "k", 1)
            tx.publish("t", 1)

        assert contents(store.db, "t") == {}

    @clause("CONF-03")
    def test_declared_limits_are_true(self, store: Store) -> None:
        """Names and topics of the declared length work, in all places where they occur, and one byte more is refused."""
        db, pubsub = store.db, store.pubsub
        name, topic, carried = "n" * db.limits.name, "t" * db.limits.topic, "m" * pubsub.limits.topic
        db.create_table(name, {"type": "integer"}, partition="p" * db.limits.name)
        db.create(name, name, 1, topic=topic)
        assert contents(db, name, topic) == {name: 1}
        assert db.allocate(name) >= 1
        assert db.tables() == [name]
        with db.batch() as batch:
            batch.update(name, name, 2)
        inbox = Inbox().subscribe(pubsub, carried)
        pubsub.publish(carried, "x" * (pubsub.limits.value - 2))
        inbox.wait(lambda: len(inbox.data) == 1, "the message")

        each_raises(
            InvalidName,
            lambda: db.create(f"{name}n", "k", 1),
            lambda: db.create("t", f"{name}n", 1),
            lambda: db.create("t", "k", 1, topic=f"{topic}t"),
            lambda: list(db.keys("t", topic=f"{topic}t")),
            lambda: db.create_table("t", partition="p" * (db.limits.name + 1)),
            lambda: pubsub.publish(f"{carried}m", 1),
            lambda: Inbox().subscribe(pubsub, f"{carried}m"),
        )
        assert contents(db, name) == {name: 2}
        db.drop(name)
        assert db.tables() == []

    @clause("CONF-03")
    def test_limits_count_bytes(self, store: Store) -> None:
        """Limits are bytes of UTF-8, all of them are good at the same time, and one byte more of any is refused."""
        db, pubsub = store.db, store.pubsub
        inbox = Inbox().subscribe(pubsub, wide(pubsub.limits.topic))
        for sign in ("\N{LATIN SMALL LETTER E WITH ACUTE}", "\N{EURO SIGN}", "\N{GRINNING FACE}"):
            name, topic = wide(db.limits.name, sign), wide(db.limits.topic, sign)
            # Two bytes are its quotation marks.
            value, sent = wide(db.limits.value - 2, sign), wide(pubsub.limits.value - 2, sign)
            db.create(name, name, value, topic=topic)
            pubsub.publish(wide(pubsub.limits.topic), sent)
            each_raises(
                InvalidName,
                lambda name=name: db.put(f"{name}a", "k", 1),  # type: ignore[misc]
                lambda name=name: db.put(name, f"{name}a", 1),  # type: ignore[misc]
                lambda name=name, topic=topic: db.put(name, "k", 1, topic=f"{topic}a"),  # type: ignore[misc]
                lambda sign=sign: pubsub.publish(f"{wide(pubsub.limits.topic, sign)}a", 1),  # type: ignore[misc]
            )
            each_raises(
                TooLarge,
                lambda name=name, value=value: db.put(name, "k", f"{value}a"),  # type: ignore[misc]
                lambda name=name, value=value: db.update(name, name, f"{value}a"),  # type: ignore[misc]
                lambda sent=sent: pubsub.publish(wide(pubsub.limits.topic), f"{sent}a"),  # type: ignore[misc]
            )

            assert contents(db, name, topic) == {name: value}
            assert contents(db, name) == {name: value}
            inbox.wait(lambda sent=sent: sent in inbox.data, "the message")  # type: ignore[misc]
            db.delete(name, name)
        assert len(inbox.data) == 3

    @clause("CONF-03")
    def test_more_than_a_commit_takes(self, store: Store) -> None:
        """As many writes as a commit takes are done in one call, and one more, too; a transaction refuses that one."""
        db, limit = store.db, store.db.limits.commit
        for size in (limit, limit + 1):
            items = {f"k{number}": size for number in range(size)}
            assert db.put_many("t", items).keys() == items.keys()
            assert contents(db, "t") == items
            with db.batch() as batch:
                for key in items:
                    batch.update("t", key, -size)
            assert set(contents(db, "t").values()) == {-size}
        if not db.transactional:
            return
        with db.transaction() as tx:
            for number in range(limit):
                tx.put("t", f"k{number}", "tx")
        with pytest.raises(TooLarge), db.transaction() as tx:
            for number in range(limit + 1):
                tx.put("t", f"k{number}", "too many")
        assert contents(db, "t") == {f"k{number}": "tx" for number in range(limit)} | {f"k{limit}": -limit - 1}

    @clause("CONF-03", process=True)
    def test_lines_resume_or_not(self, store: Store) -> None:
        """A line has a position, and another one goes on from there, where that is declared; else it has none."""
        declared = Capability.RESUMING in self.harness.capabilities
        topic = f"{store.namespace}/t"
        with closing(opened(store.url)) as drivers:
            with closing(drivers.pubsub.listen()) as feed:
                confirmed(feed, topic)
                drivers.pubsub.publish([Message(topic, b"first")])
                position = came(feed, topic, b"first")
            assert (position is not None) == declared
            if position is None:
                return
            drivers.pubsub.publish([Message(topic, b"missed")])
            with closing(drivers.pubsub.listen(position)) as feed:
                feed.subscribe([topic])
                came(feed, topic, b"missed")

    @clause("CONF-03", lacks=[Capability.SHARED], process=True)
    def test_another_process_has_another_store(self, store: Store) -> None:
        """Where the store is not shared nothing that another process writes is in it; that one may be refused."""
        store.db.put("t", "mine", 1)
        with Worker("write", store.url, "t", {"theirs": 2}) as worker:
            worker.end()

        assert contents(store.db, "t") == {"mine": 1}

    @clause("CONF-03", lacks=[Capability.DURABLE, Capability.SHARED], process=True)
    def test_what_was_written_ends_with_its_process(self, store: Store) -> None:
        """Where the store is neither shared nor durable, what a process has written is gone with it."""
        with Worker("write", store.url, "t", {"k": 1}) as worker:
            assert worker.hear().keys() == {"k"}
            assert worker.end() == 0
        with Worker("read", store.url, "t") as worker:
            assert worker.hear() == {}
