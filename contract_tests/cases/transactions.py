"""Several writes in one atomic and isolated step."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases
from contract_tests.cases.keys import contents
from contract_tests.fault import Fault
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.plan import FOREVER
from dfbackends import (
    BackendError,
    Closed,
    Conflict,
    Database,
    InvalidValue,
    KeyExists,
    KeyNotFound,
    OutcomeUnknown,
    Refused,
    TooLarge,
    Unavailable,
)

together = {"partition": "both"}


class TransactionCases(Cases):
    """Transactions."""

    @clause("TX-01")
    def test_all_is_done(self, store: Store) -> None:
        """A transaction does all of its writes, in order, sees its own, and tells their revisions."""
        db = store.db
        for table in ("t", "u"):
            db.create_table(table, **together)
        db.put("t", "there", 1, topic="red")
        db.put("u", "doomed", 1, topic="red")

        with db.transaction() as tx:
            tx.create("t", "new", 1, topic="blue")
            assert tx.get("t", "new") == 1
            tx.update("t", "new", 2)
            tx.update("t", "there", tx.get("t", "there") + 1)
            tx.delete("u", "doomed")
            with pytest.raises(KeyNotFound):
                tx.get("u", "doomed")
            tx.put("u", "put", 1)
            assert contents(db, "u") == {"doomed": 1}

        assert contents(db, "t") == {"new": 2, "there": 2}
        assert contents(db, "u") == {"put": 1}
        assert contents(db, "t", "red") == {"there": 2}
        assert contents(db, "t", "blue") == {"new": 2}
        assert contents(db, "u", "red") == {}
        for at in (("t", "new"), ("t", "there"), ("u", "put")):
            assert tx.revisions[at] == db.entry(*at).revision

    @clause("TX-01")
    @pytest.mark.parametrize("changed", ["read", "absent", "updated", "created", "deleted"])
    def test_an_expectation_that_fails_changes_nothing(self, store: Store, changed: str) -> None:
        """An expectation that fails anywhere changes nothing and raises Conflict."""
        db, other = store.db, store.open().db
        db.put_many("t", dict.fromkeys(["read", "updated", "deleted"], 1))

        with pytest.raises(Conflict), db.transaction() as tx:
            tx.put("t", "first", 1)
            tx.get("t", "read")
            with pytest.raises(KeyNotFound):
                tx.get("t", "absent")
            tx.update("t", "updated", 2)
            tx.create("t", "created", 2)
            tx.delete("t", "deleted")
            tx.put("t", "last", 1)
            other.put("t", changed, "theirs")

        assert contents(db, "t") == {**dict.fromkeys(["read", "updated", "deleted"], 1), changed: "theirs"}
        assert tx.revisions == {}

    @clause("TX-01")
    def test_a_read_key_that_was_deleted_and_created_again(self, store: Store) -> None:
        """What was read has changed also when it was deleted and created again with the same value."""
        db, other = store.db, store.open().db
        db.put("t", "read", 1)

        with pytest.raises(Conflict), db.transaction() as tx:
            tx.get("t", "read")
            tx.put("t", "k", 1)
            other.delete("t", "read")
            other.create("t", "read", 1)

        assert contents(db, "t") == {"read": 1}

    @clause("TX-01")
    def test_an_exception_in_the_block_sends_nothing(self, store: Store) -> None:
        """An exception in the block sends nothing; nor does what the transaction refuses; what has ended takes nothing."""
        db = store.db
        db.put("t", "there", 1)
        wrong: list[tuple[type[Exception], Callable[[Any], Any]]] = [
            (ZeroDivisionError, lambda tx: 1 // 0),
            (KeyExists, lambda tx: tx.create("t", "there", 2)),
            (KeyNotFound, lambda tx: tx.update("t", "never", 2)),
            (KeyNotFound, lambda tx: tx.delete("t", "never")),
            (InvalidValue, lambda tx: tx.put("t", "wrong", {1})),
        ]
        for error, step in wrong:
            with pytest.raises(error), db.transaction() as tx:
                tx.put("t", "there", 2)
                tx.put("t", "k", 2)
                step(tx)
            with pytest.raises(Closed):
                tx.put("t", "k", 1)
            with pytest.raises(Closed):
                tx.get("t", "k")

        assert contents(db, "t") == {"there": 1}

    @clause("TX-01")
    def test_an_empty_transaction_is_harmless(self, store: Store) -> None:
        """An empty transaction is harmless; one that only reads is checked all the same."""
        db = store.db
        with db.transaction():
            pass
        db.put("t", "k", 1)
        with db.transaction() as tx:
            assert tx.get("t", "k") == 1
        with pytest.raises(Conflict), db.transaction() as tx:
            tx.get("t", "k")
            db.put("t", "k", 2)

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

    @clause("TX-02", injects=[Fault.CUT, Fault.LOST_REPLY])
    @pytest.mark.parametrize("fault", [Fault.CUT, Fault.LOST_REPLY], ids=lambda fault: fault.name.lower())
    def test_the_line_stays_broken(self, store: Store, fault: Fault) -> None:
        """The line stays broken until the end: OutcomeUnknown, and resolve tells the truth when it works again."""
        db = store.open(deadline=1.5).db
        db.put("t", "k0", 0)

        with store.plan.armed(fault, verbs=("commit", "cancel")):
            with pytest.raises(OutcomeUnknown) as caught, db.transaction() as tx:
                tx.put("t", "k0", 1)
                tx.put("t", "k1", 1)

        assert db.resolve(caught.value) == (fault is Fault.LOST_REPLY)
        assert contents(db, "t") == ({"k0": 1, "k1": 1} if fault is Fault.LOST_REPLY else {"k0": 0})

    @clause("TX-03")
    def test_a_reader_never_sees_half(self, store: Store) -> None:
        """A reader that transacts never sees half of a transaction: two accounts always have the same sum."""
        db, other = store.db, store.open().db
        db.put_many("t", {"a": 100, "b": 100})
        stop = threading.Event()

        def move(amount: int) -> int:
            moved = 0
            while not stop.is_set():
                try:
                    with other.transaction() as tx:
                        tx.put("t", "a", tx.get("t", "a") - amount)
                        tx.put("t", "b", tx.get("t", "b") + amount)
                    moved += 1
                except Conflict:
                    continue
            return moved

        def audit() -> list[int]:
            sums = []
            while len(sums) < 200:
                try:
                    with db.transaction() as tx:
                        found = tx.get("t", "a") + tx.get("t", "b")
                    sums.append(found)
                except Conflict:
                    continue
            stop.set()
            return sums

        with ThreadPoolExecutor(3) as pool:
            movers = [pool.submit(move, amount) for amount in (1, -1)]
            try:
                sums = pool.submit(audit).result(timeout=45)
            finally:
                stop.set()
            moved = [mover.result() for mover in movers]

        assert set(sums) == {200}
        assert min(moved) > 0

    @clause("TX-03")
    def test_no_write_skew(self, store: Store) -> None:
        """What was read is checked: of two transactions that each read what the other writes, one is a Conflict."""
        clients = [store.db, store.open().db]
        for turn in range(20):
            table = f"t{turn}"
            store.db.put_many(table, {"a": True, "b": True})
            barrier = threading.Barrier(2)

            def leave(db: Database, mine: str, table: str = table, barrier: threading.Barrier = barrier) -> bool:
                """Go off duty where somebody else is on duty."""
                try:
                    with db.transaction() as tx:
                        if tx.get(table, "a") and tx.get(table, "b"):
                            tx.put(table, mine, False)
                        barrier.wait(timeout=30)
                except Conflict:
                    return False
                return True

            with ThreadPoolExecutor(2) as pool:
                left = list(pool.map(leave, clients, ("a", "b")))
            assert sorted(left) == [False, True]
            assert sorted(contents(store.db, table).values()) == [False, True]

    @clause("TX-03")
    def test_increments(self, store: Store) -> None:
        """Increments in transactions by 4 threads end at the exact sum."""
        store.db.put("t", "k", 0)

        def count(db: Database) -> None:
            for _ in range(25):
                while True:
                    try:
                        with db.transaction() as tx:
                            tx.update("t", "k", tx.get("t", "k") + 1)
                        break
                    except Conflict:
                        continue

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(count, [store.db, store.open().db] * 2))
        assert store.db.get("t", "k") == 100

    @clause("TX-04")
    def test_the_limit_of_a_transaction(self, store: Store) -> None:
        """A transaction of the declared limit is done; one write, or one check, more is refused before anything is sent."""
        limit = store.db.limits.commit
        with store.db.transaction() as tx:
            for number in range(limit):
                tx.put("t", f"k{number}", 1)
        assert len(contents(store.db, "t")) == limit

        with pytest.raises(TooLarge), store.db.transaction() as tx:
            for number in range(limit + 1):
                tx.put("t", f"k{number}", 2)
        with pytest.raises(TooLarge), store.db.transaction() as tx:
            tx.get("t", "k0")
            for number in range(1, limit + 1):
                tx.put("t", f"k{number}", 2)
        assert set(contents(store.db, "t").values()) == {1}

    @clause("TX-04")
    def test_other_partitions_and_buckets_are_refused(self, store: Store) -> None:
        """A transaction across partitions, or on a table of several buckets, is refused before anything is sent."""
        db = store.db
        db.create_table("a", partition="one")
        db.create_table("b", partition="two")
        db.create_table("many", buckets=4)
        steps: list[Callable[[Any], Any]] = [
            lambda tx: tx.put("b", "k", 1),
            lambda tx: tx.put("c", "k", 1),
            lambda tx: tx.put("many", "k", 1),
            lambda tx: tx.delete("b", "k"),
        ]
        for step in steps:
            with pytest.raises(Refused), db.transaction() as tx:
                tx.put("a", "k", 1)
                step(tx)
        with pytest.raises(Refused), db.transaction() as tx:
            tx.put("a", "k", 1)
            tx.get("b", "k")

        for table in ("a", "b", "c", "many"):
            assert contents(db, table) == {}

    @clause("TX-04", lacks=[Capability.TRANSACTIONAL])
    def test_without_transactions(self, store: Store) -> None:
        """A backend without transactions refuses them."""
        with pytest.raises(Refused):
            store.db.transaction()

        assert store.db.transactional is False

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
