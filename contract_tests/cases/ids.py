"""Unique ids."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases
from contract_tests.clients.processes import Worker
from contract_tests.counts import Counts
from contract_tests.harness import Store
from contract_tests.marks import clause

THREADS = 8
_WORKING = 90.0
"""Seconds for what a process allocates: each number is a write that is safe on a disk, and four want the next one."""


class IdCases(Cases):
    """What allocate returns."""

    @clause("ID-01")
    def test_ids_count_from_one_for_each_table(self, store: Store) -> None:
        """Ids are counted for each table, also for one that is not created, and leave no entry."""
        ids = [store.db.allocate("t") for _ in range(3)]

        assert ids == sorted(set(ids))
        assert min(ids) >= 1
        assert store.db.allocate("u") == ids[0]
        assert list(store.db.keys("t")) == []
        assert store.db.tables() == []

    @clause("ID-01")
    def test_ids_survive_the_table(self, store: Store) -> None:
        """No id comes again after the table was dropped, nor from another handle."""
        store.db.put("t", "k", 1)
        before = [store.db.allocate("t") for _ in range(5)]
        store.db.drop("t")

        assert store.db.allocate("t") > max(before)
        assert store.open().db.allocate("t") > max(before) + 1

    @clause("ID-01", timeout=120)
    def test_ids_by_threads(self, store: Store, counts: Counts) -> None:
        """Ids are unique over 8 threads and several handles."""
        handles = [store.open().db for _ in range(2)] * 4

        def allocate(number: int) -> list[int]:
            return [handles[number].allocate("t") for _ in range(counts.allocations)]

        with ThreadPoolExecutor(THREADS) as pool:
            lists = list(pool.map(allocate, range(THREADS)))

        every = [number for numbers in lists for number in numbers]
        assert len(set(every)) == len(every) == THREADS * counts.allocations
        assert all(numbers == sorted(numbers) for numbers in lists)

    @clause("ID-01", needs=[Capability.SHARED], process=True, timeout=120)
    def test_ids_by_processes(self, store: Store, counts: Counts) -> None:
        """Ids are unique over 4 processes."""
        times = counts.allocations // 2
        every: list[Any] = [store.db.allocate("t")]
        with ExitStack() as stack:
            workers = [stack.enter_context(Worker("allocate", store.url, "t", times)) for _ in range(4)]
            assert {worker.hear() for worker in workers} == {"ready"}
            for worker in workers:
                worker.tell("begin")
            for worker in workers:
                every += worker.hear(_WORKING)
        every.append(store.db.allocate("t"))

        assert len(set(every)) == len(every) == 4 * times + 2

    @clause("ID-01", needs=[Capability.DURABLE], process=True)
    def test_ids_over_a_restart(self, store: Store) -> None:
        """No id comes again after the process that allocated it has ended."""
        with Worker("allocate", store.url, "t", 10) as worker:
            assert worker.hear() == "ready"
            worker.tell("begin")
            before = worker.hear()
            assert worker.end() == 0

        assert store.db.allocate("t") > max(before)
