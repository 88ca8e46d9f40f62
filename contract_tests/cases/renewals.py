"""Subscriptions after an outage."""

from __future__ import annotations

from typing import Any

import pytest

from contract_tests.cases.base import Cases
from contract_tests.cases.lines import BREAKS, DOWN, RECOVERED, subscription, up_again
from contract_tests.clients.inbox import Inbox
from contract_tests.fault import Fault
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.waiting import eventually
from dfbackends import Loss, Refused, Subscription, Unavailable, renew


class RenewalCases(Cases):
    """What is renewed, and what is told again."""

    @clause("LOSS-02", injects=BREAKS)
    def test_renewing_what_is_live_is_harmless(self, store: Store) -> None:
        """renew while connected or twice is harmless, and nothing comes twice."""
        inbox = Inbox().subscribe(store.pubsub, "t")
        subscription(inbox).renew()
        subscription(inbox).renew()
        store.pubsub.publish("t", 1)
        inbox.wait_data([1])

        store.plan.lose_line(Fault.GONE)
        up_again(inbox)
        subscription(inbox).renew()
        subscription(inbox).renew()
        store.pubsub.publish("t", 2)

        inbox.wait_data([1, 2])
        inbox.stays()
        assert inbox.reasons == [DOWN, RECOVERED]

    @clause("LOSS-02", injects=[*BREAKS, Fault.DOWN])
    @pytest.mark.parametrize("gone", [False, True], ids=["broken", "gone"])
    def test_topics_change_while_the_line_is_down(self, store: Store, gone: bool) -> None:
        """Topics removed and added while the line was down are right afterwards."""
        backend = store.open(deadline=1)
        kept, removed, other = (Inbox().subscribe(backend.pubsub, topic) for topic in ("kept", "removed", "kept"))
        if gone:
            store.plan.lose_line(Fault.GONE)
        store.plan.lose_line(Fault.DOWN)
        for inbox in (kept, removed, other):
            inbox.wait(lambda inbox=inbox: inbox.reasons[:1] == [DOWN], "DOWN")  # type: ignore[misc]
        subscription(removed).unsubscribe()
        subscription(other).unsubscribe()
        with pytest.raises(Unavailable):
            Inbox().subscribe(backend.pubsub, "impossible")
        store.plan.mend()

        if up_again(kept) is RECOVERED:
            subscription(kept).renew()
        added = Inbox().subscribe(backend.pubsub, "added")
        for topic in ("kept", "removed", "added", "impossible"):
            store.pubsub.publish(topic, topic)

        kept.wait_data(["kept"])
        added.wait_data(["added"])
        assert removed.data == other.data == []
        assert removed.reasons == other.reasons == [DOWN]

    @clause("LOSS-02", injects=[Fault.DENIED])
    def test_a_topic_that_is_denied(self, store: Store) -> None:
        """A topic that the backend denies is refused to its caller, and disturbs no other."""
        inbox = Inbox().subscribe(store.pubsub, "t")
        store.plan.deny("secret")
        with pytest.raises(Refused):
            Inbox().subscribe(store.pubsub, "secret")

        store.pubsub.publish_many([("secret", 1), ("t", 1)])
        inbox.wait_data([1])
        store.plan.mend()
        late = Inbox().subscribe(store.pubsub, "secret")
        store.pubsub.publish("secret", 2)
        late.wait_data([2])
        assert inbox.losses == []

    @clause("LOSS-08", injects=[Fault.GONE])
    def test_an_on_loss_that_raises(self, store: Store) -> None:
        """An on_loss that raises is told again at the next recovery, and can renew then."""
        inbox = Inbox()

        def on_loss(lost: Subscription, loss: Loss) -> None:
            inbox.on_loss(lost, loss)
            if len(inbox.losses) < 4:
                raise ValueError(loss)
            renew(lost, loss)

        lost = store.pubsub.subscribe("t", inbox.on_message, on_loss=on_loss)
        store.plan.lose_line(Fault.GONE)
        inbox.wait_reasons(DOWN, RECOVERED)
        assert not lost.live
        store.plan.lose_line(Fault.GONE)
        inbox.wait(lambda: inbox.reasons.count(RECOVERED) == 2, "RECOVERED again")

        eventually(lambda: lost.live, "the subscription is renewed")
        store.pubsub.publish("t", 1)
        inbox.wait_data([1])

    @clause("LOSS-08", injects=[Fault.GONE, Fault.DENIED])
    def test_a_renewal_that_does_not_complete(self, store: Store) -> None:
        """A renewal that does not complete is told again at the next recovery."""
        inbox = Inbox()
        failures: list[Any] = []

        def on_loss(lost: Subscription, loss: Loss) -> None:
            inbox.on_loss(lost, loss)
            try:
                renew(lost, loss)
            except Refused as error:
                failures.append(error)

        lost = store.pubsub.subscribe("t", inbox.on_message, on_loss=on_loss)
        store.plan.deny("t")
        store.plan.lose_line(Fault.GONE)
        eventually(lambda: len(failures) == 1, "a renewal that fails")
        assert not lost.live

        store.plan.mend()
        store.plan.lose_line(Fault.GONE)
        inbox.wait(lambda: inbox.reasons.count(RECOVERED) == 2, "RECOVERED again")
        eventually(lambda: lost.live, "the subscription is renewed")
        store.pubsub.publish("t", 1)
        inbox.wait_data([1])
