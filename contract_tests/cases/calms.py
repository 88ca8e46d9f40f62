"""Times at which nothing is lost."""

from __future__ import annotations

import threading

import pytest

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases
from contract_tests.cases.lines import subscription
from contract_tests.clients.inbox import Inbox
from contract_tests.fault import Fault
from contract_tests.harness import Store
from contract_tests.marks import clause
from dfbackends import BackendError


class CalmCases(Cases):
    """No loss is told where none could be."""

    @clause("LOSS-04", injects=[Fault.SLOW])
    def test_latency_is_no_loss(self, store: Store) -> None:
        """No Loss when nothing could be lost: latency of 300 ms."""
        inbox = Inbox().subscribe(store.pubsub, "t")
        store.pubsub.publish("t", 1)
        inbox.wait_data([1])

        store.plan.impair(Fault.SLOW)
        for number in range(2, 20):
            store.pubsub.publish("t", number)
            if number % 6 == 0:
                inbox.wait(lambda number=number: number in inbox.data, "a message")  # type: ignore[misc]
        inbox.wait_data(list(range(1, 20)))
        late = Inbox().subscribe(store.open().pubsub, "t")
        store.pubsub.publish("t", 20)

        late.wait_data([20])
        inbox.wait_data(list(range(1, 21)))
        inbox.stays(1.5)
        assert inbox.losses == late.losses == []

    @clause("LOSS-04")
    def test_being_idle_is_no_loss(self, store: Store) -> None:
        """No Loss when nothing could be lost: idle for twice the watchdog."""
        inbox = Inbox().subscribe(store.pubsub, "t")
        # No heartbeats come on a topic that nobody has published to.
        quiet = Inbox().subscribe(store.open().pubsub, "quiet")
        store.pubsub.publish("t", 1)
        inbox.wait_data([1])

        inbox.stays(6.0)

        store.pubsub.publish_many([("t", 2), ("quiet", 2)])
        inbox.wait_data([1, 2])
        quiet.wait_data([2])
        assert inbox.losses == quiet.losses == []

    # Without a log a message that was sent just before the confirmation may be one that was to come, as far as anybody knows.
    @clause("LOSS-04", needs=[Capability.RESUMING])
    def test_subscribing_late_is_no_loss(self, store: Store) -> None:
        """Whoever subscribes while others publish all the time has lost nothing."""
        stop = threading.Event()

        def publish() -> None:
            while not stop.wait(0.001):
                store.pubsub.publish("t", 1)

        publisher = threading.Thread(target=publish)
        publisher.start()
        try:
            for pubsub in (store.pubsub, store.open().pubsub) * 5:
                inbox = Inbox().subscribe(pubsub, "t", max_messages=100_000)
                inbox.wait(lambda inbox=inbox: len(inbox.data) > 5, "messages")  # type: ignore[misc]
                assert inbox.losses == []
                subscription(inbox).unsubscribe()
        finally:
            stop.set()
            publisher.join()

    @clause("LOSS-04", injects=[Fault.REFUSED, Fault.FULL])
    @pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.FULL], ids=lambda fault: fault.name.lower())
    def test_a_publish_that_failed_is_no_loss(self, store: Store, fault: Fault) -> None:
        """What definitely was not sent is not missed by anybody, the first message too."""
        publisher = store.open(retries=1).pubsub
        inbox = Inbox().subscribe(store.pubsub, "t")
        for number in range(3):
            with store.plan.armed(fault, verbs=("publish",)), pytest.raises(BackendError):
                publisher.publish("t", "failed")
            publisher.publish("t", number)

        inbox.wait_data([0, 1, 2])
        assert inbox.losses == []
