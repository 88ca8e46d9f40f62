"""Another process of the server takes over."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases
from contract_tests.cases.lines import DOWN, RECOVERED, RESUMED
from contract_tests.cases.outages import Load, check_truth
from contract_tests.checks.copies import Told, wait_equal
from contract_tests.checks.deliveries import Heard, disordered, repeated, told, unreported
from contract_tests.clients.inbox import Inbox
from contract_tests.fault import Fault
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.notes import Recoveries
from contract_tests.waiting import Stopwatch, eventually
from dfbackends import Backend, BackendError, Conflict, Loss, Subscription, renew

DEADLINE = 3.0


class Numbers:
    """Publishes numbers on a topic, one after the other."""

    def __init__(self, backend: Backend, topic: str) -> None:
        self.sent: list[Heard] = []
        self._backend = backend
        self._topic = topic
        self._stop = threading.Event()

    @contextmanager
    def running(self) -> Iterator[Numbers]:
        """Publish until the end of the block."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    def _run(self) -> None:
        number = 0
        while not self._stop.wait(0.005):
            number += 1
            with suppress(BackendError):
                self._backend.pubsub.publish(self._topic, number)
                self.sent.append(Heard(self._topic, "publisher", number))


class FailoverCases(Cases):
    """What a failover does to callers, subscribers and copies."""

    @clause("ERR-03", injects=[Fault.FAILED_OVER], timeout=180)
    def test_a_failover_under_load(self, store: Store, recoveries: Recoveries) -> None:
        """Another process takes over under load: each call has an outcome within its deadline, and none fails that was done."""
        check_truth(store, self.loaded(store, recoveries), kept=False)

    @clause("ERR-04", injects=[Fault.FAILED_OVER], needs=[Capability.REPLICATED], timeout=180)
    def test_what_was_acknowledged_survives_a_failover(self, store: Store, recoveries: Recoveries) -> None:
        """Another process takes over under load: what was acknowledged is there, and what failed is not."""
        check_truth(store, self.loaded(store, recoveries))

    def loaded(self, store: Store, recoveries: Recoveries) -> Load:
        """Let another process take over from each under load, and return what became of the calls."""
        store.db.create_table("t")
        load = Load([store.open(deadline=DEADLINE) for _ in range(3)])
        with load.running():
            eventually(lambda: len(load.done) > 20, "writes are done")
            store.process.fail_over()
            before, watch = len(load.done), Stopwatch()
            eventually(lambda: len(load.done) > before + 20, "writes are done again, by the same handles", 2 * DEADLINE + 10)
            recoveries.recovered(Fault.FAILED_OVER, watch.seconds)
        assert load.longest < DEADLINE + 0.2
        return load

    @clause("LOSS-01", injects=[Fault.FAILED_OVER], timeout=180)
    def test_subscribers_over_a_failover(self, store: Store) -> None:
        """Another process takes over while messages are sent: an outage and its end are told once, and none is lost unsaid."""
        inbox = Inbox()

        def on_loss(lost: Subscription, loss: Loss) -> None:
            inbox.on_loss(lost, loss)
            with suppress(BackendError):
                renew(lost, loss)

        store.pubsub.subscribe("t", inbox.on_message, on_loss=on_loss)
        with Numbers(store.open(), "t").running() as numbers:
            inbox.wait(lambda: len(inbox.data) > 20, "messages")
            store.process.fail_over()
            before = len(numbers.sent)
            eventually(lambda: len(numbers.sent) > before + 20, "messages are sent again", 2 * DEADLINE + 10)
            last = numbers.sent[-1].number
            inbox.wait(lambda: any(number > last for number in inbox.data), "messages arrive again")

        lasting = [reason for reason in inbox.reasons if reason in (DOWN, RESUMED, RECOVERED)]
        assert set(lasting[::2]) <= {DOWN}
        assert DOWN not in lasting[1::2]
        assert len(lasting) % 2 == 0
        events = told(inbox.events, lambda data: ("publisher", data))
        assert disordered(events) == []
        assert repeated(events) == []
        assert unreported(events, numbers.sent) == []

    @clause("MIR-02", injects=[Fault.FAILED_OVER], timeout=180)
    def test_a_mirror_over_a_failover(self, store: Store) -> None:
        """Another process takes over while others write: a copy equals the store again without help."""
        store.db.create_table("t")
        told = Told()
        load = Load([store.open(deadline=DEADLINE) for _ in range(2)])
        with store.backend.mirror("t", on_state=told.on_state, on_change=told.on_change, check_interval=0.5) as mirror:
            mirror.wait_synced(10)
            with load.running():
                eventually(lambda: len(mirror) > 20, "it is filled")
                store.process.fail_over()
                before = len(load.done)
                eventually(lambda: len(load.done) > before + 20, "writes are done again", 2 * DEADLINE + 10)
            wait_equal(mirror, store.db, 20)
        assert told.wrong == []

    @clause("CAS-02", injects=[Fault.FAILED_OVER], timeout=180)
    def test_a_revision_from_before_a_failover(self, store: Store) -> None:
        """A revision of a deleted and re-created key is stale also when another process has taken over in between."""
        old = store.db.create("t", "k", 1)
        store.db.delete("t", "k")
        store.process.fail_over()
        new = store.db.create("t", "k", 1)

        assert new > old
        # Also where the new one was lost, since whoever took over did not have it yet.
        with pytest.raises(Conflict):
            store.db.put("t", "k", 2, revision=old)
