"""A write and a message that belong together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases, each_raises
from contract_tests.cases.keys import contents
from contract_tests.clients.inbox import Inbox
from contract_tests.fault import Fault
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.plan import FOREVER
from dfbackends import (
    BackendError,
    Conflict,
    Database,
    Entry,
    Error,
    InvalidValue,
    KeyExists,
    KeyNotFound,
    OutcomeUnknown,
    Unavailable,
)

Call = Callable[[Database, tuple[str, Any]], Any]

WRITES: dict[str, Call] = {
    "create": lambda db, announce: db.create("t", "new", 1, topic="red", announce=announce),
    "put": lambda db, announce: db.put("t", "there", 2, topic="blue", announce=announce),
    "update": lambda db, announce: db.update("t", "there", 2, announce=announce),
    "swap": lambda db, announce: db.put("t", "there", 2, revision=db.entry("t", "there").revision, announce=announce),
    "delete": lambda db, announce: db.delete("t", "there", announce=announce),
}
"""Each finds the entry ``there``, of the topic red."""


def without_revisions(store: Store) -> list[Entry]:
    """Return the entries; their revisions grow when something is undone."""
    return [entry._replace(revision=0) for entry in store.db.entries("t")]


def fenced(store: Store, inbox: Inbox, expected: list[Any]) -> None:
    """Return when the messages were these, and nothing more is under way: a last message comes right behind them.

    It overtakes them where it comes by way of another server.
    """
    store.pubsub.publish("news", "last")
    inbox.wait(lambda: "last" in inbox.data and len(inbox.data) > len(expected), "the last message")
    if inbox.data[-1] != "last":
        inbox.stays()
    assert [data for data in inbox.data if data != "last"] == expected
    assert inbox.data.count("last") == 1
    assert inbox.losses == []


class AnnouncementCases(Cases):
    """Writes with announce."""

    @clause("ANN-02")
    @pytest.mark.parametrize("verb", WRITES)
    def test_a_write_is_announced(self, store: Store, verb: str) -> None:
        """A write with announce is done, and its message published once, also where both are one step."""
        store.db.create("t", "there", 1, topic="red")
        inbox = Inbox().subscribe(store.open().pubsub, "news")

        WRITES[verb](store.db, ("news", {"verb": verb}))

        fenced(store, inbox, [{"verb": verb}])
        expected = {"create": {"there": 1, "new": 1}, "delete": {}}.get(verb, {"there": 2})
        assert contents(store.db, "t") == expected
        assert inbox.losses == []

    @clause("ANN-02")
    def test_what_is_not_written_is_not_announced(self, store: Store) -> None:
        """A write that is refused, conflicts, or finds no key, is not announced."""
        store.db.create("t", "there", 1)
        inbox = Inbox().subscribe(store.pubsub, "news")
        announce = ("news", 1)

        refused: list[tuple[type[Error], Callable[[], Any]]] = [
            (KeyExists, lambda: store.db.create("t", "there", 2, announce=announce)),
            (KeyNotFound, lambda: store.db.update("t", "never", 2, announce=announce)),
            (KeyNotFound, lambda: store.db.delete("t", "never", announce=announce)),
            (Conflict, lambda: store.db.put("t", "there", 2, revision=1, announce=announce)),
            (InvalidValue, lambda: store.db.put("t", "there", {2}, announce=announce)),
            (InvalidValue, lambda: store.db.put("t", "there", 2, announce=("news", {1}))),
            (InvalidValue, lambda: store.db.put("t", "there", 2, announce=("news", "x" * store.pubsub.limits.value))),
        ]
        for kind, call in refused:
            each_raises(kind, call)

        fenced(store, inbox, [])
        assert contents(store.db, "t") == {"there": 1}

    @clause("ANN-01")
    def test_transactions_publish(self, store: Store) -> None:
        """What a transaction publishes is published if, and only if, it is committed, in order."""
        inbox = Inbox().subscribe(store.open().pubsub, "news")
        with store.db.transaction() as tx:
            tx.put("t", "k", 1)
            tx.publish("news", 1)
            tx.publish("news", 2)
            inbox.stays()
        with pytest.raises(Conflict), store.db.transaction() as tx:
            tx.get("t", "k")
            tx.put("t", "k", 2)
            tx.publish("news", 3)
            store.db.put("t", "k", 3)

        fenced(store, inbox, [1, 2])

    @clause("ANN-01", injects=[Fault.CUT, Fault.LOST_REPLY, Fault.REFUSED, Fault.LATE])
    @pytest.mark.parametrize(
        "fault", [Fault.CUT, Fault.LOST_REPLY, Fault.REFUSED, Fault.LATE], ids=lambda fault: fault.name.lower()
    )
    @pytest.mark.parametrize("times", [1, FOREVER])
    @pytest.mark.parametrize("verb", WRITES)
    def test_the_message_comes_with_the_write(self, store: Store, verb: str, fault: Fault, times: int) -> None:
        """Whatever happens to the request, the message is published if and only if the write happened, and once."""
        db = store.open(retries=1).db
        db.create("t", "there", 1, topic="red")
        before = list(store.db.entries("t"))
        inbox = Inbox().subscribe(store.pubsub, "news")

        store.plan.arm(fault, times=times)
        done = True
        try:
            WRITES[verb](db, ("news", verb))
        except Unavailable:
            done = False
        store.plan.mend()
        store.plan.release()

        assert (list(store.db.entries("t")) != before) == done
        fenced(store, inbox, [verb] if done else [])

    @clause("ANN-02", lacks=[Capability.JOINT], injects=[Fault.REFUSED, Fault.FULL])
    @pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.FULL], ids=lambda fault: fault.name.lower())
    @pytest.mark.parametrize("verb", WRITES)
    def test_publishing_fails(self, store: Store, verb: str, fault: Fault) -> None:
        """Publishing failed: the write is undone, with its value and topic, and the caller knows."""
        db = store.open(retries=1).db
        db.create("t", "there", 1, topic="red")
        before = without_revisions(store)
        inbox = Inbox().subscribe(store.pubsub, "news")

        with store.plan.armed(fault, verbs=("publish",)), pytest.raises(BackendError) as caught:
            WRITES[verb](db, ("news", verb))

        assert not isinstance(caught.value, OutcomeUnknown)
        assert without_revisions(store) == before
        assert contents(store.db, "t", "red") == {"there": 1}
        fenced(store, inbox, [])

    @clause("ANN-02", lacks=[Capability.JOINT], injects=[Fault.CUT, Fault.LOST_REPLY])
    @pytest.mark.parametrize("fault", [Fault.CUT, Fault.LOST_REPLY], ids=lambda fault: fault.name.lower())
    @pytest.mark.parametrize("verb", WRITES)
    def test_publishing_is_in_doubt(self, store: Store, verb: str, fault: Fault) -> None:
        """Publishing unknown: OutcomeUnknown, and the write stays."""
        db = store.open(retries=1).db
        db.create("t", "there", 1, topic="red")
        before = list(store.db.entries("t"))

        with store.plan.armed(fault, verbs=("publish",)), pytest.raises(OutcomeUnknown):
            WRITES[verb](db, ("news", verb))

        assert list(store.db.entries("t")) != before

    @clause("ANN-02", lacks=[Capability.JOINT], injects=[Fault.REFUSED, Fault.DELAYED])
    def test_another_clients_change_is_not_undone(self, store: Store) -> None:
        """Publishing failed, and another client has changed the entry meanwhile: that change stays."""
        store.db.create("t", "there", 1, topic="red")
        other = store.open().db

        store.plan.arm(Fault.REFUSED, verbs=("publish",), times=FOREVER)
        store.plan.when_struck(lambda: other.put("t", "there", "theirs"))
        with pytest.raises(BackendError):
            store.db.put("t", "there", 2, announce=("news", 1))
        store.plan.mend()

        assert contents(store.db, "t") == {"there": "theirs"}
