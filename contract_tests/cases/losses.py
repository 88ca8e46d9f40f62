"""Messages that do not arrive."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest

from contract_tests.cases.base import Cases
from contract_tests.cases.lines import subscription, up_again
from contract_tests.checks.deliveries import Heard, disordered, repeated, told, unreported
from contract_tests.clients.inbox import Inbox
from contract_tests.counts import Counts
from contract_tests.fault import Fault
from contract_tests.floor import TooLittle
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.waiting import FACTOR, SOON
from dfbackends import BackendError, Loss, Reason, Subscription, renew

GAP = Reason.GAP


class LossCases(Cases):
    """No message is missing in silence."""

    @clause("LOSS-05", injects=[Fault.DROPPED])
    @pytest.mark.parametrize("first", [False, True], ids=["later", "first"])
    def test_a_removed_message_is_told_before_the_next(self, store: Store, first: bool) -> None:
        """A message removed on the wire, the first one too, is told as GAP before the next one."""
        publisher = store.open().pubsub
        inbox = Inbox().subscribe(store.pubsub, "t")
        if not first:
            publisher.publish("t", 1)
            inbox.wait_data([1])

        store.plan.drop("t")
        publisher.publish("t", 2)
        publisher.publish("t", 3)

        inbox.wait(lambda: 3 in inbox.data, "the next message")
        kinds = [event.reason if kind == "loss" else event[1] for kind, event in inbox.events]
        assert kinds == ([GAP, 3] if first else [1, GAP, 3])
        assert inbox.losses[0].missed in (1, None)
        assert subscription(inbox).live

    @clause("LOSS-05", injects=[Fault.DROPPED])
    @pytest.mark.parametrize("first", [False, True], ids=["later", "first"])
    def test_a_removed_message_is_told_at_the_heartbeat(self, store: Store, first: bool) -> None:
        """A message removed on the wire, the first one too, is told as GAP at the heartbeat when no other follows."""
        publisher = store.open().pubsub
        inbox = Inbox().subscribe(store.pubsub, "t")
        if not first:
            publisher.publish("t", 1)
            inbox.wait_data([1])

        store.plan.drop("t")
        publisher.publish("t", 2)

        inbox.wait_reasons(GAP, budget=5)
        assert inbox.data == ([] if first else [1])

    @clause("LOSS-05", injects=[Fault.DROPPED])
    def test_a_removed_message_is_told_when_its_publisher_closes(self, store: Store) -> None:
        """A publisher that closes tells of its last message."""
        publisher = store.open()
        inbox = Inbox().subscribe(store.pubsub, "t")
        store.plan.drop("t")
        publisher.pubsub.publish("t", 1)

        publisher.close()

        inbox.wait_reasons(GAP, budget=0.9)

    @clause("LOSS-07", injects=[Fault.BROKEN_LINE])
    def test_over_a_broken_line_nothing_is_missing(self, store: Store) -> None:
        """Over a broken line nothing is missing, and nothing comes twice."""
        inbox = Inbox().subscribe(store.pubsub, "t", max_messages=1_000_000)
        other = store.open().pubsub
        stop, sent = threading.Event(), 0

        def publish() -> None:
            nonlocal sent
            while not stop.wait(0.0005):
                sent += 1
                other.publish("t", sent)

        publisher = threading.Thread(target=publish)
        publisher.start()
        try:
            for outage in range(1, 11):
                store.plan.lose_line()
                up_again(inbox, outage)
        finally:
            stop.set()
            publisher.join()

        inbox.wait_data(list(range(1, sent + 1)))
        assert inbox.reasons == [Reason.DOWN, Reason.RESUMED] * 10
        if sent <= 10:
            raise TooLittle(f"{sent} messages were published while the line broke 10 times")

    @clause("LOSS-03", injects=Fault, timeout=120)
    @pytest.mark.parametrize(
        "fault",
        [Fault.BROKEN_LINE, Fault.DOWN, Fault.GONE, Fault.DEAF, Fault.DROPPED, Fault.LOST_REPLY, Fault.CUT, Fault.SLOW],
        ids=lambda fault: fault.name.lower(),
    )
    def test_nothing_is_missing_in_silence(self, store: Store, counts: Counts, fault: Fault) -> None:
        """No message is missing without a Loss between its neighbours, whatever fault strikes, and nothing comes twice."""
        inbox = Inbox()

        def on_loss(lost: Subscription, loss: Loss) -> None:
            inbox.on_loss(lost, loss)
            try:
                renew(lost, loss)
            except BackendError:
                return

        store.pubsub.subscribe("t", inbox.on_message, on_loss=on_loss, max_messages=20)
        sent: list[Heard] = []
        publisher = store.open(retries=1).pubsub

        def publish(number: int) -> None:
            with suppress(BackendError):
                publisher.publish("t", number)
                sent.append(Heard("t", "publisher", number))

        total = counts.messages // 8
        pace = threading.Event()
        for number in range(1, total + 1):
            if number % (total // 5) == 0:
                self.strike(store, fault, mend_after=number % 2 == 0)
            if number % (total // 5) == total // 10:
                store.plan.mend()
            publish(number)
            pace.wait(0.003)
        store.plan.mend()
        if len(sent) <= total // 2:
            raise TooLittle(f"{len(sent)} of {total} messages were published")
        # One more for each line that may have been rebuilt meanwhile: only what another one follows can be judged.
        for number in range(total + 1, total + int(SOON / 0.05)):
            publish(number)
            if any(data > total for data in inbox.data):
                break
            pace.wait(0.05 * FACTOR)

        assert any(data > total for data in inbox.data), inbox.events[-20:]
        events = told(inbox.events, lambda data: ("publisher", data))
        assert disordered(events) == []
        assert repeated(events) == []
        assert unreported(events, sent) == []

    def strike(self, store: Store, fault: Fault, *, mend_after: bool) -> None:
        """Let a fault strike."""
        if fault in (Fault.DEAF, Fault.SLOW):
            store.plan.impair(fault)
        elif fault in (Fault.BROKEN_LINE, Fault.GONE, Fault.DOWN):
            store.plan.lose_line(fault)
        elif fault is Fault.DROPPED:
            store.plan.drop("t", 3)
        else:
            store.plan.arm(fault, verbs=("publish",), times=1 if mend_after else 3)
