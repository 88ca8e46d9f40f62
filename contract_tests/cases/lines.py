"""The line from the backend breaks, or falls silent."""

from __future__ import annotations

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases
from contract_tests.clients.inbox import Event, Inbox
from contract_tests.fault import Fault
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.notes import Recoveries
from contract_tests.waiting import Stopwatch, eventually
from dfbackends import Loss, Reason, Subscription, renew

BREAKS = [Fault.BROKEN_LINE, Fault.GONE]

DOWN, RESUMED, RECOVERED = Reason.DOWN, Reason.RESUMED, Reason.RECOVERED


def up_again(inbox: Inbox, outages: int = 1) -> Reason:
    """Return how the last of so many outages ended: RESUMED or RECOVERED."""

    def ends() -> list[Reason]:
        return [reason for reason in inbox.reasons if reason in (RESUMED, RECOVERED)]

    inbox.wait(lambda: len(ends()) >= outages, f"the end of {outages} outages")
    return ends()[-1]


def subscription(inbox: Inbox) -> Subscription:
    """Return the subscription of an inbox."""
    assert inbox.subscription is not None
    return inbox.subscription


class LineCases(Cases):
    """Outages, and what is told of them."""

    @clause("LOSS-01", injects=[Fault.DOWN])
    def test_down_is_told_at_once(self, store: Store, recoveries: Recoveries) -> None:
        """The line breaks: each subscription is told DOWN at once, behind what was received before."""
        inboxes = [Inbox().subscribe(store.pubsub, topic) for topic in ("a", "a", "b")]
        store.pubsub.publish_many([("a", 1), ("b", 1)])
        for inbox in inboxes:
            inbox.wait_data([1])
        watch = Stopwatch()

        store.plan.lose_line(Fault.DOWN)

        for inbox in inboxes:
            inbox.wait_reasons(DOWN)
            assert watch.seconds < 1
            assert inbox.losses[0].topic == subscription(inbox).topic
            assert inbox.losses[0].code is not None
            assert not subscription(inbox).live
        recoveries.detected(Fault.DOWN, watch.seconds)
        for inbox in inboxes:
            inbox.stays()
        watch = Stopwatch()
        store.plan.mend()
        for inbox in inboxes:
            assert up_again(inbox) in (RESUMED, RECOVERED)
            assert len(inbox.losses) == 2
        recoveries.recovered(Fault.DOWN, watch.seconds)

    @clause("LOSS-01", injects=[Fault.GONE, Fault.DOWN])
    def test_cleared_subscriptions_are_told_recovered_once(self, store: Store) -> None:
        """All are cleared and the line is rebuilt: each is told RECOVERED once, and until renew nothing is delivered."""
        inboxes = [Inbox().subscribe(store.pubsub, topic) for topic in ("a", "a", "b")]
        store.plan.lose_line(Fault.GONE)
        for inbox in inboxes:
            inbox.wait_reasons(DOWN, RECOVERED)
            assert not subscription(inbox).live

        witness = Inbox().subscribe(store.pubsub, "a")
        store.pubsub.publish_many([("a", "unseen"), ("b", "unseen")])
        witness.wait_data(["unseen"])
        for inbox in inboxes:
            inbox.stays(0.1)
            assert inbox.data == []
            subscription(inbox).renew()
            assert subscription(inbox).live
        store.pubsub.publish_many([("a", "seen"), ("b", "seen")])

        for inbox in inboxes:
            inbox.wait_data(["seen"])
            assert inbox.reasons == [DOWN, RECOVERED]

    @clause("LOSS-01", injects=[Fault.BROKEN_LINE], lacks=[Capability.RESUMING])
    def test_a_line_that_can_not_resume(self, store: Store) -> None:
        """Where the backend can not resume, every break clears the subscriptions."""
        inbox = Inbox().subscribe(store.pubsub, "t")
        for outage in range(1, 4):
            store.plan.lose_line()
            assert up_again(inbox, outage) is RECOVERED
            assert not subscription(inbox).live
            subscription(inbox).renew()
        assert inbox.reasons == [DOWN, RECOVERED] * 3

    @clause("LOSS-01", injects=[Fault.GONE])
    def test_recovered_comes_before_any_later_message(self, store: Store) -> None:
        """RECOVERED comes before any later message, also where on_loss renews and messages never pause."""
        events: list[Event] = []
        inbox = Inbox()

        def on_loss(renewed: Subscription, loss: Loss) -> None:
            inbox.on_loss(renewed, loss)
            renew(renewed, loss)

        store.pubsub.subscribe("t", inbox.on_message, on_loss=on_loss)
        publisher = store.open().pubsub
        for outage in range(5):
            before = len(inbox.events)
            publisher.publish("t", ["before", outage])
            store.plan.lose_line(Fault.GONE)
            up_again(inbox, outage + 1)

            def arrives(outage: int = outage, before: int = before) -> bool:
                publisher.publish("t", ["after", outage])
                return any(data == ["after", outage] for _, (_, data) in _messages(inbox.events[before:]))

            eventually(arrives, "a message after the outage")
            events = inbox.events[before:]
            place = [kind == "loss" and event.reason is RECOVERED for kind, event in events].index(True)
            early = [data for _, (_, data) in _messages(events[:place])]
            # What the round before has published may come late.
            assert all(data in (["before", outage], ["after", outage - 1]) for data in early), early
            reasons = [event.reason for kind, event in events if kind == "loss"]
            assert reasons[:2] == [DOWN, RECOVERED]
            # A message that was sent while the backend confirmed may have been for us, as far as anybody knows.
            assert set(reasons[2:]) <= {Reason.GAP}

    @clause("LOSS-01", injects=[Fault.DOWN])
    def test_the_backend_stays_away(self, store: Store) -> None:
        """While the backend stays away nothing more is told, health says why, and it recovers without a new object."""
        inbox = Inbox().subscribe(store.pubsub, "t")
        store.plan.lose_line(Fault.DOWN)
        inbox.wait_reasons(DOWN)

        inbox.stays(1.5)
        assert not store.pubsub.health().connected
        assert store.pubsub.health().code is not None
        store.plan.mend()

        if up_again(inbox) is RECOVERED:
            subscription(inbox).renew()
        assert store.pubsub.health().connected
        store.pubsub.publish("t", 1)
        inbox.wait_data([1])

    @clause("LOSS-06", injects=[Fault.DEAF])
    def test_a_deaf_line_is_found(self, store: Store, recoveries: Recoveries) -> None:
        """A frozen or deaf line is found within 3.5 s."""
        inbox = Inbox().subscribe(store.pubsub, "t")
        store.pubsub.publish("t", 1)
        inbox.wait_data([1])
        watch = Stopwatch()

        store.plan.impair(Fault.DEAF)

        inbox.wait(lambda: bool(inbox.losses), "DOWN")
        assert watch.seconds < 3.5
        recoveries.detected(Fault.DEAF, watch.seconds)
        assert inbox.reasons[0] is DOWN
        watch = Stopwatch()
        store.plan.mend()
        if up_again(inbox) is RECOVERED:
            subscription(inbox).renew()
        recoveries.recovered(Fault.DEAF, watch.seconds)
        store.pubsub.publish("t", 2)
        inbox.wait(lambda: 2 in inbox.data, "the next message")

    @clause("PS-11", injects=[Fault.GARBAGE])
    def test_garbage_on_the_wire(self, store: Store) -> None:
        """Garbage on the wire is counted and skipped; the next message is delivered; nobody resubscribes."""
        inbox = Inbox().subscribe(store.pubsub, "t")
        garbage = [b"", b"\xff\xfe", b"{", b"[]", b'"text"', b"NaN", b'{"v":1}', b'{"v":99,"d":1}', b"[" * 10_000, b"9" * 5000]
        before = store.pubsub.health()

        for data in garbage:
            store.plan.insert("t", data)
        store.pubsub.publish("t", 1)

        inbox.wait_data([1])
        eventually(lambda: store.pubsub.health().malformed - before.malformed == len(garbage), "all of it is counted")
        assert inbox.losses == []
        assert store.pubsub.health().breaks == before.breaks

    @clause("LOSS-07", injects=BREAKS, needs=[Capability.RESUMING])
    def test_recovered_only_if_the_position_is_gone(self, store: Store, recoveries: Recoveries) -> None:
        """RESUMED where the position is known, RECOVERED only where it is gone."""
        inbox = Inbox().subscribe(store.pubsub, "t")

        watch = Stopwatch()
        store.plan.lose_line()
        assert up_again(inbox) is RESUMED
        recoveries.recovered(Fault.BROKEN_LINE, watch.seconds)
        assert subscription(inbox).live
        watch = Stopwatch()
        store.plan.lose_line(Fault.GONE)
        assert up_again(inbox, 2) is RECOVERED
        recoveries.recovered(Fault.GONE, watch.seconds)
        assert not subscription(inbox).live

        assert inbox.reasons == [DOWN, RESUMED, DOWN, RECOVERED]


def _messages(events: list[Event]) -> list[Event]:
    return [event for event in events if event[0] == "message"]
