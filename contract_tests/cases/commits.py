"""The line breaks around a transaction."""

from __future__ import annotations

import pytest

from contract_tests.cases.base import Cases
from contract_tests.cases.keys import contents
from contract_tests.fault import Fault
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.plan import FOREVER
from dfbackends import (
    BackendError,
    OutcomeUnknown,
    Unavailable,
)


class CommitCases(Cases):
    """Faults in the one request that a transaction is."""

    @clause("TX-02", injects=[Fault.CUT, Fault.LOST_REPLY, Fault.REFUSED, Fault.LATE, Fault.FROZEN])
    @pytest.mark.parametrize(
        "fault", [Fault.CUT, Fault.LOST_REPLY, Fault.REFUSED, Fault.LATE, Fault.FROZEN], ids=lambda fault: fault.name.lower()
    )
    @pytest.mark.parametrize("times", [1, 2, FOREVER])
    def test_the_line_breaks_in_a_transaction(self, store: Store, fault: Fault, times: int) -> None:
        """The line breaks around the commit, once or each time: all or nothing, and the caller knows which."""
        db = store.open(retries=2, deadline=4).db
        db.put("t", "k0", 0)

        store.plan.arm(fault, times=times)
        done = True
        try:
            with db.transaction() as tx:
                assert tx.get("t", "k0") == 0
                for number in range(5):
                    tx.put("t", f"k{number}", 1)
        except Unavailable:
            done = False
        store.plan.mend()

        everything = {f"k{number}": 1 for number in range(5)}
        assert contents(db, "t") == (everything if done else {"k0": 0})
        # What was held arrives, and changes nothing any more.
        store.plan.release()
        assert contents(db, "t") == (everything if done else {"k0": 0})

    @clause("TX-02", injects=[Fault.CUT, Fault.REFUSED])
    @pytest.mark.parametrize("nth", [1, 2, 3])
    def test_the_line_breaks_while_it_reads(self, store: Store, nth: int) -> None:
        """The line breaks before the commit: reading is repeated, or the transaction ends and nothing is sent."""
        db = store.db
        db.put_many("t", {f"k{number}": number for number in range(3)})
        patient, hasty = store.open().db, store.open(retries=0).db
        for fault in (Fault.CUT, Fault.REFUSED):
            for client in (patient, hasty):
                client.get("t", "k0")
                store.plan.arm(fault, verbs=("read",), at=nth)
                try:
                    with client.transaction() as tx:
                        for number in range(3):
                            tx.update("t", f"k{number}", tx.get("t", f"k{number}") + 10)
                except Unavailable:
                    assert client is hasty
                    assert contents(db, "t") == {f"k{number}": number for number in range(3)}
                else:
                    assert client is patient
                    assert contents(db, "t") == {f"k{number}": number + 10 for number in range(3)}
                store.plan.mend()
                db.put_many("t", {f"k{number}": number for number in range(3)})

    @clause("TX-02", injects=[Fault.CUT, Fault.LOST_REPLY])
    @pytest.mark.parametrize("fault", [Fault.CUT, Fault.LOST_REPLY], ids=lambda fault: fault.name.lower())
    def test_the_line_stays_broken(self, store: Store, fault: Fault) -> None:
        """The line stays broken until the end: OutcomeUnknown, and resolve tells the truth when it works again."""
        db = store.open(deadline=1.5).db
        db.put("t", "k0", 0)

        still = store.plan.armed(fault, verbs=("commit", "cancel"))
        with still, pytest.raises(OutcomeUnknown) as caught, db.transaction() as tx:
            tx.put("t", "k0", 1)
            tx.put("t", "k1", 1)

        assert db.resolve(caught.value) == (fault is Fault.LOST_REPLY)
        assert contents(db, "t") == ({"k0": 1, "k1": 1} if fault is Fault.LOST_REPLY else {"k0": 0})

    @clause("TX-02", injects=[Fault.FULL, Fault.READ_ONLY])
    def test_a_server_that_says_no(self, store: Store) -> None:
        """A server that says no: the caller gets the reason, and nothing is done."""
        db = store.open(retries=0).db
        for fault in (Fault.FULL, Fault.READ_ONLY):
            store.plan.arm(fault)
            with pytest.raises(BackendError) as caught, db.transaction() as tx:
                tx.put("t", "k", 1)
                tx.put("t", "l", 1)
            assert caught.value.code == {"full": "full", "read only": "read_only"}[fault.value]
            store.plan.mend()
        assert contents(db, "t") == {}
