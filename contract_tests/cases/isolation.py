"""Transactions of several clients at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from contract_tests.cases.base import Cases
from contract_tests.cases.keys import contents
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.waiting import FACTOR
from dfbackends import (
    Conflict,
    Database,
)


class IsolationCases(Cases):
    """Nobody sees half of a transaction."""

    @clause("TX-03")
    def test_a_reader_never_sees_half(self, store: Store) -> None:
        """A reader that transacts never sees half of a transaction: two accounts always have the same sum."""
        db, other = store.db, store.open().db
        db.put_many("t", {"a": 100, "b": 100})
        stop = threading.Event()
        moved = {1: 0, -1: 0}

        def move(amount: int) -> None:
            while not stop.is_set():
                try:
                    with other.transaction() as tx:
                        tx.put("t", "a", tx.get("t", "a") - amount)
                        tx.put("t", "b", tx.get("t", "b") + amount)
                    moved[amount] += 1
                except Conflict:
                    continue

        def audit() -> list[int]:
            sums: list[int] = []
            while (len(sums) < 200 or min(moved.values()) < 10) and not stop.is_set():
                try:
                    with db.transaction() as tx:
                        found = tx.get("t", "a") + tx.get("t", "b")
                    sums.append(found)
                except Conflict:
                    continue
            stop.set()
            return sums

        with ThreadPoolExecutor(3) as pool:
            movers = [pool.submit(move, amount) for amount in moved]
            try:
                sums = pool.submit(audit).result(timeout=45 * FACTOR)
            finally:
                stop.set()
            for mover in movers:
                mover.result()

        assert set(sums) == {200}

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
