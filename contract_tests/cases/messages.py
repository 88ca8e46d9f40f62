"""Messages: what is published, and who gets it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from contract_tests.cases.base import Cases
from contract_tests.cases.keys import SPECIAL
from contract_tests.cases.revisions import contention
from contract_tests.cases.values import SURVIVING, nested, same
from contract_tests.checks.deliveries import Heard, disordered, repeated, told, unreported
from contract_tests.clients.inbox import Inbox
from contract_tests.counts import Counts
from contract_tests.fault import Fault
from contract_tests.harness import Store
from contract_tests.marks import clause
from dfbackends import InvalidName, InvalidValue, TooLarge


def check_calm_deliveries(inboxes: Iterable[Inbox], sent: Sequence[Heard]) -> None:
    """Check what subscribers of different topics were told of all that was sent, while nothing went wrong."""
    events = [event for inbox in inboxes for event in told(inbox.events, tuple)]
    assert disordered(events) == []
    assert repeated(events) == []
    assert unreported(events, sent) == []
    # Nothing more can come, so that what is behind the last one can be judged, too.
    assert len(events) == len(sent)


class MessageCases(Cases):
    """Publish and subscribe while nothing goes wrong."""

    @clause("PS-01")
    def test_what_is_published_after_subscribing_is_delivered(self, store: Store) -> None:
        """What is published after subscribe has returned is delivered, by the same handle and by another."""
        other = store.open().pubsub
        for number in range(30):
            inbox = Inbox().subscribe(store.pubsub, f"topic{number}")
            publisher = other if number % 2 else store.pubsub
            publisher.publish(f"topic{number}", number)
            inbox.wait_data([number])

    @clause("PS-02")
    def test_data_arrives_equal(self, store: Store) -> None:
        """Data arrives equal, with its topic, whatever JSON it is."""
        values = [*SURVIVING, nested(60), "x" * (store.pubsub.limits.value // 2)]
        inbox = Inbox().subscribe(store.pubsub, "t")

        for value in values[:10]:
            store.pubsub.publish("t", value)
        store.pubsub.publish_many(("t", value) for value in values[10:])

        inbox.wait(lambda: len(inbox.data) == len(values), "all values")
        assert same(inbox.data, values)
        assert {topic for topic, _ in inbox.messages} == {"t"}

    @clause("PS-02")
    def test_every_subscriber_gets_every_message(self, store: Store) -> None:
        """Every subscriber gets every message, several of one handle too, and what each gets is its own."""
        handles = [store.pubsub, store.pubsub, store.open().pubsub, store.open().pubsub]
        inboxes = [Inbox().subscribe(pubsub, "t") for pubsub in handles]

        for number in range(20):
            handles[number % 4].publish("t", [number])

        for inbox in inboxes:
            inbox.wait(lambda inbox=inbox: len(inbox.data) == 20, "20 messages")  # type: ignore[misc]
            assert sorted(inbox.data) == [[number] for number in range(20)]
            inbox.data[0].append("mine")
        assert sum("mine" in message for inbox in inboxes for message in inbox.data) == 4

    @clause("PS-03")
    def test_order_per_publisher_and_topic(self, store: Store, counts: Counts) -> None:
        """Order is kept per publisher and topic, and nothing comes twice."""
        publishers = [store.pubsub, store.open().pubsub, store.open().pubsub]
        topics = ["a", "b"]
        inboxes = {topic: Inbox().subscribe(store.pubsub, topic, max_messages=10 * counts.messages) for topic in topics}
        total = counts.messages // 4

        def publish(who: int) -> None:
            for number in range(total):
                for topic in topics:
                    if number % 3:
                        publishers[who].publish(topic, [who, number])
                    else:
                        publishers[who].publish_many([(topic, [who, number])])

        with ThreadPoolExecutor(len(publishers)) as pool:
            list(pool.map(publish, range(len(publishers))))

        for inbox in inboxes.values():
            inbox.wait(lambda inbox=inbox: len(inbox.data) >= 3 * total, "all messages")  # type: ignore[misc]
        sent = [Heard(topic, who, number) for topic in topics for who in range(len(publishers)) for number in range(total)]
        check_calm_deliveries(inboxes.values(), sent)

    @clause("PS-03")
    def test_several_threads_of_one_publisher(self, store: Store, counts: Counts) -> None:
        """Threads that share a publisher do not disturb each other: each message comes once, those of a thread in order."""
        inbox = Inbox().subscribe(store.open().pubsub, "t", max_messages=10 * counts.messages)
        total = counts.messages // 10

        def publish(who: int) -> None:
            for number in range(total):
                store.pubsub.publish("t", [who, number])

        with contention(), ThreadPoolExecutor(4) as pool:
            list(pool.map(publish, range(4)))

        inbox.wait(lambda: len(inbox.data) >= 4 * total, "all messages")
        check_calm_deliveries([inbox], [Heard("t", who, number) for who in range(4) for number in range(total)])

    @clause("PS-03", injects=[Fault.LOST_REPLY, Fault.CUT, Fault.REFUSED])
    def test_repeated_publishes_come_once(self, store: Store) -> None:
        """A publish that had to be repeated is delivered once, in order."""
        inbox = Inbox().subscribe(store.open().pubsub, "t")

        expected = []
        for number, fault in enumerate((Fault.LOST_REPLY, Fault.CUT, Fault.REFUSED, Fault.LOST_REPLY)):
            store.plan.arm(fault, verbs=("publish",))
            store.pubsub.publish("t", [number, "faulty"])
            store.plan.mend()
            store.pubsub.publish("t", [number, "good"])
            expected += [[number, "faulty"], [number, "good"]]

        inbox.wait_data(expected)
        inbox.stays()
        assert inbox.losses == []

    @clause("PS-04")
    def test_topics_are_isolated(self, store: Store) -> None:
        """Topics are isolated, wildcard-like names are literal, a prefix is another topic."""
        topics = ["a", "ab", "A", "a*", "a?", "a[bc]", "*", "a.b", "a/b", "a:b", "a b", " a", "é", "e\u0301", *SPECIAL]
        inboxes = {topic: Inbox().subscribe(store.pubsub, topic) for topic in dict.fromkeys(topics)}

        for topic in inboxes:
            store.pubsub.publish(topic, topic)
            store.pubsub.publish(f"{topic}{topic}", "to nobody")
        for topic in inboxes:
            store.pubsub.publish(topic, "last")

        for topic, inbox in inboxes.items():
            inbox.wait(lambda inbox=inbox: "last" in inbox.data, "the last message")  # type: ignore[misc]
            assert inbox.messages == [(topic, topic), (topic, "last")]
            assert inbox.losses == []

    @clause("PS-04")
    def test_namespaces_are_isolated(self, store: Store) -> None:
        """The same topic in two namespaces is two topics."""
        other = Store(self.harness)
        with other:
            mine, theirs = Inbox().subscribe(store.pubsub, "t"), Inbox().subscribe(other.pubsub, "t")
            store.pubsub.publish("t", "mine")
            other.pubsub.publish("t", "theirs")
            mine.wait_data(["mine"])
            theirs.wait_data(["theirs"])

    @clause("PS-06")
    def test_a_late_subscriber_gets_no_history(self, store: Store) -> None:
        """A late subscriber gets nothing of what was published before, also where others get it."""
        early = Inbox().subscribe(store.pubsub, "t")
        for number in range(10):
            store.pubsub.publish("t", number)
        early.wait_data(list(range(10)))
        early.stays()

        late = [Inbox().subscribe(pubsub, "t") for pubsub in (store.pubsub, store.open().pubsub)]
        store.pubsub.publish("t", "new")
        # A line that lags behind must not deliver what it comes to see later.
        for number in range(20):
            store.pubsub.publish(f"topic{number}", "old")
            late.append(Inbox().subscribe(store.pubsub, f"topic{number}"))
            store.pubsub.publish(f"topic{number}", "new")

        for inbox in late:
            inbox.wait_data(["new"])
        assert late[0].losses == late[1].losses == []

    @clause("PS-13")
    def test_a_message_over_the_limit(self, store: Store) -> None:
        """A message over the limit, or that is not JSON, raises before anything is sent; one of the limit arrives."""
        limit = store.pubsub.limits.value
        inbox = Inbox().subscribe(store.pubsub, "t")
        too_large = "x" * (limit - 1)
        with pytest.raises(TooLarge):
            store.pubsub.publish("t", too_large)
        with pytest.raises(TooLarge):
            store.pubsub.publish_many([("t", "first"), ("t", too_large)])
        wrongs: list[Any] = [{1}, float("nan"), "\ud800"]
        for wrong in wrongs:
            with pytest.raises(InvalidValue):
                store.pubsub.publish("t", wrong)

        store.pubsub.publish("t", too_large[1:])

        inbox.wait(lambda: len(inbox.data) > 0, "a message")
        assert [len(data) for data in inbox.data] == [limit - 2]

    @clause("PS-13")
    @pytest.mark.parametrize("topic", ["", "a\ud800", 7, None], ids=repr)
    def test_what_is_no_topic(self, store: Store, topic: Any) -> None:
        """A topic that is not legal raises InvalidName before anything is sent."""
        with pytest.raises(InvalidName):
            store.pubsub.publish(topic, 1)
        with pytest.raises(InvalidName):
            store.pubsub.publish_many([("t", 1), (topic, 1)])
        with pytest.raises(InvalidName):
            Inbox().subscribe(store.pubsub, topic)

    @clause("PS-14")
    def test_publish_without_subscribers_succeeds(self, store: Store) -> None:
        """publish without subscribers succeeds, before any, and after the last has gone; of nothing it is harmless."""
        store.pubsub.publish("t", 1)
        store.pubsub.publish_many([("t", 2), ("u", 3)])
        store.pubsub.publish_many([])
        inbox = Inbox().subscribe(store.pubsub, "t")
        assert inbox.subscription is not None
        inbox.subscription.unsubscribe()
        store.pubsub.publish("t", 4)

        assert inbox.events == []
