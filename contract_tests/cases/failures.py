"""What a caller is told when the backend fails."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from typing import Any

import pytest

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases
from contract_tests.cases.errors import CANARY, KEY, copied
from contract_tests.cases.keys import contents
from contract_tests.fault import Fault
from contract_tests.faults.simulated import SECRET
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.plan import ANY, FOREVER, SENDING, WRITING
from contract_tests.waiting import Stopwatch
from dfbackends import BackendError, Database, Error, PartlyDone, Refused, RollbackFailed, Unavailable

CODES = {
    Fault.REFUSED: (Unavailable, "unreachable"),
    Fault.UNAUTHENTICATED: (Refused, "unauthenticated"),
    Fault.FULL: (Refused, "full"),
    Fault.READ_ONLY: (Unavailable, "read_only"),
    Fault.OVERLOADED: (Unavailable, "overloaded"),
}

UNANSWERED = [Fault.CUT, Fault.FROZEN, Fault.CUT_INSIDE, Fault.HALF_CLOSED]

QUICK = 0.9
"""Seconds for all attempts of a call, each of which is answered."""

UNREAD = frozenset({Fault.FULL, Fault.READ_ONLY})
"""Who only reads may not notice them."""

WRITES: dict[str, Callable[[Database], Any]] = {
    "create": lambda db: db.create("t", "new", CANARY),
    "put": lambda db: db.put("t", "k", CANARY),
    "update": lambda db: db.update("t", "k", CANARY),
    "swap": lambda db: db.put("t", "k", CANARY, revision=db.entry("t", "k").revision),
    "delete": lambda db: db.delete("t", "k"),
    "allocate": lambda db: db.allocate("t"),
}
"""Each finds the entry ``k``."""


class FailureCases(Cases):
    """Errors of the backend."""

    @clause("ERR-01", injects=CODES)
    @pytest.mark.parametrize("fault", [*CODES, *UNANSWERED], ids=lambda fault: fault.name.lower())
    def test_every_error_of_the_client_is_ours(self, store: Store, fault: Fault, caplog: pytest.LogCaptureFixture) -> None:
        """Every error of the client is one of ours, with its own as cause; neither it nor the log shows a key or a secret."""
        caplog.set_level(logging.DEBUG)
        # A quarter of it is what a client waits for an answer: enough of it for a call that is struck by nothing.
        db = store.open(retries=1, deadline=0.8).db
        calls: list[Callable[[Database], Any]] = [
            *WRITES.values(),
            lambda db: db.get("t", KEY),
            lambda db: db.get_many("t", [KEY]),
            lambda db: db.create("t", KEY, CANARY),
            lambda db: db.drop("t"),
            lambda db: db.create_table("new"),
        ]
        if fault in UNREAD:
            calls = list(WRITES.values())
        # Where only writing fails, and the outcome can still be asked for, the error is another one.
        for verbs, call in itertools.product((ANY, WRITING), calls):
            if verbs == WRITING and call not in WRITES.values():
                continue
            # What was in doubt may have removed it.
            store.db.put("t", "k", CANARY)
            with store.plan.armed(fault, verbs=verbs):
                with pytest.raises(BackendError) as caught:
                    call(db)
                error = caught.value
                assert isinstance(error.__cause__, Exception)
                assert not isinstance(error.__cause__, Error)
                text = str(error) + repr(error) + str(copied(error))
                assert CANARY not in text
                assert SECRET not in text
        assert CANARY not in caplog.text
        assert SECRET not in caplog.text

    @clause("ERR-02", injects=CODES)
    @pytest.mark.parametrize("fault", CODES, ids=lambda fault: fault.name.lower())
    def test_reasons_are_distinct(self, store: Store, fault: Fault) -> None:
        """Refused port, wrong password and the like are distinct, definite and quick; credentials are tried once."""
        store.db.put("t", "k", 1)
        before = contents(store.db, "t")
        kind, code = CODES[fault]
        verbs = WRITES if kind is Refused else {"put": WRITES["put"]}
        reading: dict[str, Callable[[Database], Any]] = {"get": lambda db: db.get("t", "k")}
        for verb, call in {**verbs, **({} if fault in UNREAD else reading)}.items():
            calls, spent = store.plan.calls.copy(), store.plan.spent
            watch = Stopwatch()
            struck = store.plan.armed(fault, verbs=[*WRITING, "cancel"] if verb != "get" else ["read"])
            with struck, pytest.raises(kind) as caught:
                call(store.db)
            assert caught.value.code == code
            # What can not be is said at once; what may come back is tried again for as long as a server takes to be replaced.
            pauses = 0.0 if kind is Refused else 1.1 * max(1.0, self.harness.failover)
            assert watch.seconds - (store.plan.spent - spent) < pauses + QUICK
            made = sum(store.plan.calls[name] - calls[name] for name in (["read"] if verb == "get" else WRITING))
            assert made == (1 if kind is Refused else 4), verb
        assert contents(store.db, "t") == before

    @clause("ERR-03", injects=[Fault.FROZEN])
    @pytest.mark.parametrize("deadline", [0.3, 1.0])
    def test_a_frozen_server(self, store: Store, deadline: float) -> None:
        """A frozen server: an outcome within the deadline plus 0.2 s, and at most the promised number of attempts."""
        store.db.put("t", "k", 1)
        backend = store.open(deadline=deadline)
        calls: list[Callable[[Database], Any]] = [
            WRITES["put"],
            lambda db: db.get("t", "k"),
            lambda db: backend.pubsub.publish("t", 1),
        ]
        if deadline < 1:
            calls += [*WRITES.values(), lambda db: list(db.keys("t"))]
        for call in calls:
            before = store.plan.calls.copy()
            watch = Stopwatch()
            with store.plan.armed(Fault.FROZEN, verbs=[*ANY]), pytest.raises(BackendError):
                call(backend.db)
            assert watch.seconds < deadline + 0.2
            made = {name: store.plan.calls[name] - before[name] for name in ("read", *SENDING)}
            assert max(made.values()) <= 4, made

    @clause("ERR-03", injects=[Fault.REFUSED])
    def test_a_server_that_comes_back(self, store: Store) -> None:
        """A server that comes back before the attempts are used up is no error."""
        for times in (1, 2, 3):
            store.plan.arm(Fault.REFUSED, times=times)
            store.db.put("t", str(times), times)
            store.plan.mend()
            store.plan.arm(Fault.CUT, verbs=("read",), times=times)
            assert store.db.get("t", str(times)) == times
            store.plan.mend()

    @clause("ERR-06", injects=[Fault.FULL, Fault.READ_ONLY, Fault.OVERLOADED])
    @pytest.mark.parametrize("fault", [Fault.FULL, Fault.READ_ONLY, Fault.OVERLOADED], ids=lambda fault: fault.name.lower())
    def test_a_server_in_trouble(self, store: Store, fault: Fault) -> None:
        """Full, read-only, loading and overloaded servers: the right error, nothing half written, recovery as it is."""
        kind, code = CODES[fault]
        backend = store.open(retries=1)
        db = backend.db
        db.put_many("t", {"k": 1, "l": 2}, topic="red")
        before = list(db.entries("t"))
        with store.plan.armed(fault, verbs=SENDING):
            calls: list[Callable[[Database], Any]] = [*WRITES.values(), lambda db: backend.pubsub.publish("t", 1)]
            for call in calls:
                with pytest.raises(kind) as caught:
                    call(db)
                assert caught.value.code == code
            with pytest.raises(PartlyDone) as partly:
                db.put_many("t", {"k": 3, "m": 3})
            assert partly.value.done == {}
            assert {key: type(error) for key, error in partly.value.failed.items()} == {"k": kind, "m": kind}
            with pytest.raises(BackendError), db.batch() as batch:
                batch.put("t", "k", 3)
                batch.create("t", "m", 3)
            assert list(db.entries("t")) == before
            assert db.get("t", "k") == 1

        db.put("t", "k", 3)
        assert contents(db, "t") == {"k": 3, "l": 2}

    @clause("ERR-06", injects=[Fault.FULL], needs=[Capability.TRANSACTIONAL])
    def test_what_is_full_in_the_middle(self, store: Store) -> None:
        """A server that is full in the middle of several writes: what is said of each is true."""
        db = store.open(retries=0).db
        for at in range(1, 6):
            table = f"t{at}"
            db.put(table, "before", 1)
            with store.plan.armed(Fault.FULL, at=at), pytest.raises(PartlyDone) as partly:
                db.put_many(table, {f"k{number}": number for number in range(5)})
            assert set(contents(db, table)) == {"before", *partly.value.done}
            assert set(partly.value.failed) == {f"k{number}" for number in range(5)} - partly.value.done.keys()
            assert len(partly.value.done) == at - 1

    @clause("ERR-01", injects=[Fault.REFUSED])
    def test_rollback_failed_pickles(self, store: Store) -> None:
        """The error of a batch that could not be undone keeps the keys that it names when it is pickled."""
        db = store.open(retries=0, deadline=0.8).db
        db.put("t", "k", 1)
        store.plan.arm(Fault.REFUSED, at=2, times=FOREVER)
        with pytest.raises(RollbackFailed) as caught, db.batch() as batch:
            batch.put("t", "k", 2)
            batch.put("t", "k", 3)
        store.plan.mend()

        error = copied(caught.value)
        assert isinstance(error, RollbackFailed)
        assert error.keys == (("t", "k"),)
