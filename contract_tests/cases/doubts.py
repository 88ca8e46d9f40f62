"""Writes of which the client does not know whether they were done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases
from contract_tests.cases.keys import contents
from contract_tests.clients.inbox import Inbox
from contract_tests.fault import Fault
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.plan import FOREVER
from dfbackends import Conflict, Database, KeyExists, KeyNotFound, OutcomeUnknown, Unavailable

Call = Callable[[Database], Any]

WRITES: dict[str, Call] = {
    "create": lambda db: db.create("t", "new", "ours"),
    "put": lambda db: db.put("t", "k", "ours"),
    "update": lambda db: db.update("t", "k", "ours"),
    "swap": lambda db: db.put("t", "k", "ours", revision=db.entry("t", "k").revision),
    "delete": lambda db: db.delete("t", "k"),
    "allocate": lambda db: db.allocate("t"),
}
"""Each finds the entry ``k``, and shows in the entries, but for allocate."""

DOUBTS = [Fault.CUT, Fault.LOST_REPLY, Fault.LATE, Fault.FROZEN, Fault.CUT_INSIDE, Fault.HALF_CLOSED]


def done(db: Database, verb: str) -> bool:
    """Tell whether a write took effect."""
    found = contents(db, "t")
    return {"create": "new" in found, "delete": "k" not in found}.get(verb, found.get("k") == "ours")


PATIENCE = 1.5
"""Seconds until a call is given up all of which is struck; the client must have repeated and cancelled by then."""

VISIBLE = [verb for verb in WRITES if verb != "allocate"]


class DoubtCases(Cases):
    """Lost requests, lost replies, and late arrivals."""

    @clause("ERR-04", injects=DOUBTS, needs=[Capability.TRANSACTIONAL])
    @pytest.mark.parametrize("verb", VISIBLE)
    @pytest.mark.parametrize("fault", DOUBTS, ids=lambda fault: fault.name.lower())
    def test_a_lost_reply_is_settled(self, store: Store, fault: Fault, verb: str) -> None:
        """A write whose request or reply was lost is done exactly once, and the caller gets the answer of the first time."""
        store.db.create("t", "k", "first")
        witness = store.open().db

        store.plan.arm(fault)
        answer = WRITES[verb](store.db)
        store.plan.mend()

        assert done(witness, verb)
        before = list(witness.entries("t"))
        if verb != "delete":
            assert answer == witness.entry("t", "new" if verb == "create" else "k").revision
        store.plan.release()
        assert list(witness.entries("t")) == before

    @clause("ERR-04", injects=DOUBTS, needs=[Capability.TRANSACTIONAL])
    @pytest.mark.parametrize("fault", DOUBTS, ids=lambda fault: fault.name.lower())
    def test_ids_are_unique_over_lost_replies(self, store: Store, fault: Fault) -> None:
        """allocate with lost requests and replies never returns a number twice."""
        found = []
        for _ in range(5):
            store.plan.arm(fault)
            found.append(store.db.allocate("t"))
            store.plan.mend()
            store.plan.release()
            found.append(store.open().db.allocate("t"))
        assert len(set(found)) == len(found)

    @clause("ERR-04", injects=DOUBTS, lacks=[Capability.TRANSACTIONAL])
    @pytest.mark.parametrize("verb", VISIBLE)
    @pytest.mark.parametrize("fault", DOUBTS, ids=lambda fault: fault.name.lower())
    def test_a_lost_reply_is_told(self, store: Store, fault: Fault, verb: str) -> None:
        """A write whose request or reply was lost is not repeated: OutcomeUnknown, with the operation, at once."""
        store.db.create("t", "k", "first")
        calls = store.plan.calls["write"]

        store.plan.arm(fault)
        with pytest.raises(OutcomeUnknown) as caught:
            WRITES[verb](store.db)

        assert store.plan.calls["write"] == calls + 1
        assert caught.value.operation is not None
        assert caught.value.operation.keys == (("t", "new" if verb == "create" else "k"),)
        assert done(store.db, verb) == (fault is Fault.LOST_REPLY)
        with pytest.raises(OutcomeUnknown):
            store.db.resolve(caught.value)

    @clause("ERR-04", injects=[Fault.LOST_REPLY], lacks=[Capability.TRANSACTIONAL])
    def test_ids_are_lost_rather_than_repeated(self, store: Store) -> None:
        """allocate whose reply was lost: OutcomeUnknown, and its number is never returned."""
        first = store.db.allocate("t")
        store.plan.arm(Fault.LOST_REPLY)
        with pytest.raises(OutcomeUnknown):
            store.db.allocate("t")
        assert store.db.allocate("t") > first + 1

    @clause("ERR-04", injects=[Fault.LOST_REPLY])
    def test_a_publish_whose_reply_was_lost(self, store: Store) -> None:
        """A publish whose reply was lost takes effect at most once; when it stays lost the caller gets OutcomeUnknown."""
        inbox = Inbox().subscribe(store.open().pubsub, "t")
        store.plan.arm(Fault.LOST_REPLY, verbs=("publish",))
        store.pubsub.publish("t", 1)
        with store.plan.armed(Fault.LOST_REPLY, verbs=("publish",)), pytest.raises(OutcomeUnknown):
            store.pubsub.publish("t", 2)
        store.pubsub.publish("t", 3)

        inbox.wait_data([1, 2, 3])
        inbox.stays()
        assert inbox.losses == []

    @clause("ERR-04", injects=[Fault.LOST_REPLY], needs=[Capability.TRANSACTIONAL])
    def test_a_lost_reply_beside_other_clients(self, store: Store) -> None:
        """What another client does between the attempts does not change the answer, nor is it undone by them."""
        other = store.open().db
        other.create_table("t")
        store.db.create_table("t")
        store.plan.arm(Fault.LOST_REPLY)
        store.plan.arm(Fault.DELAYED, at=2)
        store.plan.when_struck(lambda: other.delete("t", "k"), Fault.DELAYED)

        revision = store.db.create("t", "k", 1)

        assert revision > 0
        assert contents(store.db, "t") == {}

    @clause("ERR-05", injects=DOUBTS)
    @pytest.mark.parametrize("verb", VISIBLE)
    @pytest.mark.parametrize("fault", [Fault.LATE, Fault.FROZEN, Fault.CUT], ids=lambda fault: fault.name.lower())
    def test_a_late_arrival_stays_away(self, store: Store, fault: Fault, verb: str) -> None:
        """A write that was answered as failed stays away when its bytes arrive afterwards, also over another's write."""
        db = store.open(retries=1, deadline=3).db
        db.create("t", "k", "first", topic="red")
        before = list(db.entries("t"))

        with store.plan.armed(fault, times=FOREVER), pytest.raises(Unavailable):
            WRITES[verb](db)

        assert list(db.entries("t")) == before
        assert store.plan.release() == (0 if fault is Fault.CUT else 2)
        assert list(db.entries("t")) == before

    @clause("ERR-05", injects=[Fault.LATE])
    def test_a_late_arrival_of_a_refused_write(self, store: Store) -> None:
        """A write whose late first attempt arrives after it was answered as refused changes nothing."""
        db, other = store.db, store.open().db
        calls: list[tuple[type[Exception], Callable[[int], Any]]] = [
            (KeyExists, lambda revision: db.create("t", "k", "ours")),
            (Conflict, lambda revision: db.put("t", "k", "ours", revision=revision - 1)),
            (KeyNotFound, lambda revision: db.update("t", "gone", "ours", topic="red")),
        ]
        for error, call in calls:
            revision = other.put("t", "k", "theirs")
            store.plan.arm(Fault.LATE)
            with pytest.raises(error):
                call(revision)
            # Now the expectation would hold.
            other.drop("t")
            if error is KeyNotFound:
                other.create("t", "gone", "theirs")
            before = contents(other, "t")
            assert store.plan.release() == 1
            assert contents(other, "t") == before

    @clause("ERR-04", injects=DOUBTS)
    @pytest.mark.parametrize("fault", DOUBTS, ids=lambda fault: fault.name.lower())
    def test_the_first_write_to_a_table(self, store: Store, fault: Fault) -> None:
        """What the core notes of a table before the first write to it may be in doubt; the write is definitely not done."""
        db = store.open(retries=0, deadline=PATIENCE).db
        with store.plan.armed(fault, verbs=("write", "cancel")), pytest.raises(Unavailable):
            db.create("t", "k", 1)

        store.plan.release()
        assert contents(db, "t") == {}
        db.create("t", "k", 2)

    @clause("ERR-05", injects=DOUBTS)
    @pytest.mark.parametrize("fault", DOUBTS, ids=lambda fault: fault.name.lower())
    @pytest.mark.parametrize("verb", ["create_table", "allocate"])
    def test_what_the_core_keeps(self, store: Store, verb: str, fault: Fault) -> None:
        """What is said of a table or an id, of which nobody knows whether it was made, is true, or that it is not known."""
        db = store.open(retries=0, deadline=PATIENCE).db
        with store.plan.armed(fault, verbs=("write", "cancel")), pytest.raises(OutcomeUnknown) as caught:
            getattr(db, verb)("t")

        try:
            said = db.resolve(caught.value)
        except OutcomeUnknown:
            return
        assert said == (fault is Fault.LOST_REPLY)
        store.plan.release()
        other = store.open().db
        if verb == "create_table":
            assert other.tables() == (["t"] if fault is Fault.LOST_REPLY else [])
        else:
            assert other.allocate("t") == (2 if fault is Fault.LOST_REPLY else 1)

    @clause("ERR-05", injects=DOUBTS)
    @pytest.mark.parametrize("fault", DOUBTS, ids=lambda fault: fault.name.lower())
    def test_what_could_not_be_settled_is_asked_for_later(self, store: Store, fault: Fault) -> None:
        """Cancelling fails, too: OutcomeUnknown; resolve tells the truth afterwards, and from then on nothing more comes."""
        db = store.open(retries=1, deadline=PATIENCE).db
        db.create_table("t")
        with store.plan.armed(fault, verbs=("write", "cancel")), pytest.raises(OutcomeUnknown) as caught:
            db.create("t", "k", 1)

        assert db.resolve(caught.value) == (fault is Fault.LOST_REPLY)
        before = contents(db, "t")
        assert before == ({"k": 1} if fault is Fault.LOST_REPLY else {})
        store.plan.release()
        assert contents(db, "t") == before
        assert db.resolve(caught.value) == (fault is Fault.LOST_REPLY)
