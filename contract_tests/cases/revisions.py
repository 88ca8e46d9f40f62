"""Compare-and-swap."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases, each_raises
from contract_tests.clients.processes import Worker
from contract_tests.clients.worker import counted_up
from contract_tests.counts import Counts
from contract_tests.floor import TooLittle
from contract_tests.harness import Store
from contract_tests.marks import clause
from dfbackends import Conflict, Database, KeyExists

THREADS = 8


@contextmanager
def contention() -> Iterator[None]:
    """Let threads change places often, so that they meet."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def check_met(conflicts: Iterable[int]) -> None:
    """Return if those who counted met each other at all.

    :raises TooLittle: they did not
    """
    if not any(conflicts):
        raise TooLittle("nobody who counted met another one")


class RevisionCases(Cases):
    """What a revision is good for."""

    @clause("CAS-01")
    def test_the_right_revision_succeeds(self, store: Store) -> None:
        """The right revision succeeds, and the revision differs after every write."""
        db = store.db
        first = db.create("t", "k", 1)
        second = db.put("t", "k", 1, revision=first)
        third = db.update("t", "k", 1, revision=second)
        fourth = db.update("t", "k", 1, topic="red", revision=third)

        assert len({first, second, third, fourth}) == 4
        assert db.entry("t", "k").revision == fourth
        db.delete("t", "k", revision=fourth)
        assert list(db.keys("t")) == []

    @clause("CAS-01")
    def test_a_stale_revision_changes_nothing(self, store: Store) -> None:
        """A stale revision raises Conflict and changes nothing."""
        db = store.db
        stale = db.create("t", "k", 1, topic="red")
        db.put("t", "k", 1, topic="red")
        before = db.entry("t", "k")

        for revision in (stale, before.revision + 1, before.revision - 1, 0, -1):
            each_raises(
                Conflict,
                partial(db.put, "t", "k", 2, revision=revision),
                partial(db.update, "t", "k", 2, revision=revision),
                partial(db.update, "t", "k", 2, topic="blue", revision=revision),
                partial(db.delete, "t", "k", revision=revision),
            )

        assert db.entry("t", "k") == before
        assert list(db.keys("t", topic="blue")) == []

    @clause("CAS-02")
    def test_a_revision_of_a_missing_key(self, store: Store) -> None:
        """A revision of a missing or deleted key is a Conflict, and nothing is written."""
        db = store.db
        old = db.create("t", "deleted", 1)
        db.delete("t", "deleted")

        for key, revision in (("never", 1), ("never", 0), ("deleted", old), ("deleted", old + 1)):
            each_raises(
                Conflict,
                partial(db.put, "t", key, 2, revision=revision),
                partial(db.update, "t", key, 2, revision=revision),
                partial(db.delete, "t", key, revision=revision),
            )

        assert list(db.keys("t")) == []

    @clause("CAS-02")
    def test_a_revision_from_before_a_deletion(self, store: Store) -> None:
        """A revision of a deleted and re-created key is stale, however often that happens."""
        db = store.db
        for value in range(10):
            old = db.create("t", "k", value)
            db.delete("t", "k", revision=old)
            db.create("t", "k", value)
            with pytest.raises(Conflict):
                db.put("t", "k", "stale", revision=old)
            with pytest.raises(Conflict):
                db.delete("t", "k", revision=old)
            assert db.get("t", "k") == value
            db.delete("t", "k")

    @clause("CAS-02", needs=[Capability.DURABLE, Capability.SHARED], process=True)
    def test_a_revision_from_before_a_restart(self, store: Store) -> None:
        """A revision of a deleted and re-created key is stale also when the process has changed in between."""
        with Worker("write", store.url, "t", {"k": 1}) as first:
            old = first.hear()["k"]
            assert first.end() == 0
        store.db.drop("t")
        with Worker("write", store.url, "t", {"k": 1}) as second:
            new = second.hear()["k"]

        assert new > old
        with pytest.raises(Conflict):
            store.db.put("t", "k", 2, revision=old)

    @clause("CAS-04")
    def test_a_revision_is_good_for_another_client(self, store: Store) -> None:
        """A revision is good for another client."""
        other = store.open().db
        first = store.db.create("t", "k", 1)

        second = other.put("t", "k", 2, revision=first)

        with pytest.raises(Conflict):
            store.db.put("t", "k", 3, revision=first)
        store.db.delete("t", "k", revision=second)

    @clause("CAS-04", needs=[Capability.DURABLE], process=True)
    def test_a_revision_is_good_after_a_restart(self, store: Store) -> None:
        """A revision is good after all handles and their process have ended."""
        with Worker("write", store.url, "t", {"k": 1}) as worker:
            revision = worker.hear()["k"]
            assert worker.end() == 0

        assert store.db.entry("t", "k").revision == revision
        store.db.put("t", "k", 2, revision=revision)

    @clause("KV-14")
    def test_of_concurrent_creates_one_succeeds(self, store: Store) -> None:
        """Of concurrent creates of one key exactly one succeeds, the others get KeyExists."""
        handles = [store.open().db for _ in range(4)] * 2
        start = threading.Barrier(THREADS)

        def create(number: int) -> list[bool]:
            won = []
            for key in range(50):
                start.wait(timeout=30)
                try:
                    handles[number].create("t", str(key), number)
                    won.append(True)
                except KeyExists:
                    won.append(False)
            return won

        with ThreadPoolExecutor(THREADS) as pool:
            results = list(pool.map(create, range(THREADS)))

        for key, winners in enumerate(zip(*results, strict=True)):
            assert sum(winners) == 1, key
            assert store.db.get("t", str(key)) == winners.index(True)

    @clause("CAS-03")
    def test_increments_by_threads(self, store: Store, counts: Counts) -> None:
        """Compare-and-swap increments by 8 threads end at the exact sum."""
        store.db.create("t", "k", 0)
        handles = [store.open().db for _ in range(2)] * 4
        start = threading.Barrier(THREADS)

        def count(db: Database) -> int:
            start.wait(timeout=30)
            return counted_up(db, "t", "k", counts.increments)

        with contention(), ThreadPoolExecutor(THREADS) as pool:
            conflicts = list(pool.map(count, handles))

        assert store.db.get("t", "k") == THREADS * counts.increments
        check_met(conflicts)

    @clause("CAS-03", needs=[Capability.SHARED], process=True)
    def test_increments_by_threads_and_processes(self, store: Store, counts: Counts) -> None:
        """Compare-and-swap increments by 8 threads and 2 processes end at the exact sum."""
        store.db.create("t", "k", 0)
        with ExitStack() as stack:
            workers = [stack.enter_context(Worker("increment", store.url, "t", "k", counts.increments)) for _ in range(2)]
            assert [worker.hear() for worker in workers] == ["ready", "ready"]
            for worker in workers:
                worker.tell("begin")
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(lambda _: counted_up(store.db, "t", "k", counts.increments), range(THREADS)))
            conflicts = [worker.hear() for worker in workers]

        assert store.db.get("t", "k") == (THREADS + 2) * counts.increments
        check_met(conflicts)
