"""Several writes in one atomic and isolated step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases
from contract_tests.cases.keys import contents
from contract_tests.harness import Store
from contract_tests.marks import clause
from dfbackends import (
    Closed,
    Conflict,
    InvalidValue,
    KeyExists,
    KeyNotFound,
    Refused,
    TooLarge,
)


class TransactionCases(Cases):
    """Transactions."""

    @clause("TX-01")
    def test_all_is_done(self, store: Store) -> None:
        """A transaction does all of its writes, in order, sees its own, and tells their revisions."""
        db = store.db
        for table in ("t", "u"):
            db.create_table(table, partition="both")
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
    def test_an_exception_in_a_transaction_sends_nothing(self, store: Store) -> None:
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

        for verb in ("put", "create"):
            with pytest.raises(Refused), db.transaction() as tx:
                getattr(tx, verb)("many", "k", 1)

        for table in ("a", "b", "c", "many"):
            assert contents(db, table) == {}

    @clause("TX-04", lacks=[Capability.TRANSACTIONAL])
    def test_without_transactions(self, store: Store) -> None:
        """A backend without transactions refuses them."""
        with pytest.raises(Refused):
            store.db.transaction()

        assert store.db.transactional is False
