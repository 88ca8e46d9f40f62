"""A network that brings everything in the smallest pieces."""

from __future__ import annotations

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases
from contract_tests.cases.keys import contents
from contract_tests.checks.copies import wait_equal
from contract_tests.clients.inbox import Inbox
from contract_tests.fault import Fault
from contract_tests.harness import Store
from contract_tests.marks import clause

TEXT = "\u00e4\u20ac\U0001f600" * 100


class SliceCases(Cases):
    """Where a read of a socket ends says nothing about where a message does."""

    @clause("KV-01", injects=[Fault.SLICED])
    def test_calls_one_byte_at_a_time(self, store: Store) -> None:
        """Requests and answers that come one byte at a time are those that were sent."""
        store.db.put("t", "before", 0)
        store.plan.impair(Fault.SLICED)
        store.db.create("t", "k", TEXT, topic="red")
        store.db.update("t", "k", [TEXT])
        store.db.put_many("t", {f"k{number}": number for number in range(30)})
        with store.db.batch() as batch:
            batch.put("t", "k1", "batch")
            batch.delete("t", "k2")
        if store.db.transactional:
            with store.db.transaction() as tx:
                tx.put("t", "k3", tx.get("t", "k4"))

        found = contents(store.db, "t")
        store.plan.mend()

        assert found == contents(store.db, "t")
        assert (found["k"], found["k1"], len(found)) == ([TEXT], "batch", 31)
        assert "k2" not in found

    @clause("PS-02", injects=[Fault.SLICED])
    def test_messages_one_byte_at_a_time(self, store: Store) -> None:
        """Messages and confirmations that come one byte at a time are those that were sent, and none is told to be lost."""
        # To another topic: with these latencies it might have been for us, as far as anybody knows.
        store.pubsub.publish("before", "before")
        store.plan.impair(Fault.SLICED)
        inbox = Inbox().subscribe(store.pubsub, "t")
        other = store.open()
        sent = [number if number % 5 else TEXT for number in range(20)]
        for data in sent:
            other.pubsub.publish("t", data)

        inbox.wait_data(sent, budget=20)
        assert inbox.losses == []

    @clause("MIR-04", injects=[Fault.SLICED], needs=[Capability.WATCHING])
    def test_changes_one_byte_at_a_time(self, store: Store) -> None:
        """Changes that come one byte at a time are those that were made."""
        store.db.put_many("t", {f"k{number}": number for number in range(20)})
        store.plan.impair(Fault.SLICED)
        with store.backend.mirror("t") as mirror:
            mirror.wait_synced(20)
            for number in range(20):
                # Few are long: a client that is quick to give up must be able to list them all in such pieces.
                store.db.put("t", f"k{number}", number if number % 5 else TEXT)
            wait_equal(mirror, store.db)
