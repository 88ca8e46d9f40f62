"""What concurrent clients see, with and without faults."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases
from contract_tests.checks.linearizability import CLIENTS, Verdict, judged
from contract_tests.checks.versions import contradictions
from contract_tests.clients.history import Recorder
from contract_tests.counts import Counts
from contract_tests.fault import Fault
from contract_tests.floor import TooLittle
from contract_tests.harness import Store
from contract_tests.marks import clause
from dfbackends import Database

FAULTS = [Fault.CUT, Fault.LOST_REPLY, Fault.REFUSED, Fault.LATE]
FEW = 6
"""Clients of a history that is searched for an order: fewer than can be judged, since some outcomes may stay unknown."""


def search(recorder: Recorder) -> None:
    """Look for an order of the operations on each key."""
    for key, history in recorder.histories.items():
        verdict = judged(history)
        assert verdict is Verdict.LINEARIZABLE, (verdict.value, key, sorted(history, key=lambda one: one.begin))


def compare(recorder: Recorder) -> None:
    """Compare revisions with the time, key by key."""
    wrong = [(key, found) for key, history in recorder.histories.items() for found in contradictions(history)]
    assert not wrong, (Counter(found.what for _, found in wrong), wrong[0])


def check_calm(recorder: Recorder) -> None:
    """Check that all was answered, since nothing was wrong, and that clients were in each other's way."""
    assert recorder.kinds <= {"done", "refused"}, recorder.outcomes
    if not recorder.outcomes["swap refused"] + recorder.outcomes["swap done"]:
        raise TooLittle("nothing was swapped")


def long_recorder(counts: Counts) -> Recorder:
    """Return a recorder of many keys, each of which is met often."""
    return Recorder("t", [f"k{number}" for number in range(max(2, counts.long // 40))])


class HistoryCases(Cases):
    """Histories are linearizable."""

    @clause("ERR-07", timeout=120)
    def test_histories_are_linearizable(self, store: Store, counts: Counts, seed: int) -> None:
        """Histories of concurrent clients are linearizable."""
        clients = [store.db, store.open().db] * (FEW // 2)
        for number in range(counts.histories):
            recorder = Recorder(f"t{number}")
            recorder.run(clients, counts.operations, f"{seed} {number}")
            search(recorder)
            recorder.check(FEW * counts.operations)
            check_calm(recorder)

    @clause("ERR-07", injects=FAULTS, timeout=180)
    def test_histories_under_faults_are_linearizable(self, store: Store, counts: Counts, seed: int) -> None:
        """Histories under faults are linearizable: what failed definitely has no effect, also when it arrives late."""
        outcomes: set[str] = set()
        for number in range(counts.histories):
            recorder = Recorder(f"t{number}")
            # Without repetitions more outcomes reach the clients.
            clients = [store.open(retries=number % 2, deadline=3).db for _ in range(FEW)]
            self.trouble(store, f"{seed} {number}", FEW * counts.operations // 2)
            self.run_in_trouble(store, recorder, clients, counts.operations, f"{seed} {number}")
            search(recorder)
            recorder.check(FEW * counts.operations // 2)
            outcomes |= recorder.kinds
        self.check_outcomes(outcomes)

    @clause("ERR-07", timeout=120)
    def test_long_histories_agree_with_their_revisions(self, store: Store, counts: Counts, seed: int) -> None:
        """In a long history each revision belongs to one write, and their order agrees with the time, key by key."""
        recorder = long_recorder(counts)
        recorder.run([store.db, store.open().db] * (CLIENTS // 2), counts.long, str(seed))
        compare(recorder)
        recorder.check(CLIENTS * counts.long)
        check_calm(recorder)

    @clause("ERR-07", injects=FAULTS, timeout=180)
    def test_long_histories_under_faults_agree_with_their_revisions(self, store: Store, counts: Counts, seed: int) -> None:
        """In a long history under faults no revision tells of what failed, of what was done twice, or of what came late."""
        recorder = long_recorder(counts)
        clients = [store.open(retries=number % 2, deadline=3).db for number in range(CLIENTS)]
        self.trouble(store, str(seed), CLIENTS * counts.long // 2, every=(10, 60))
        self.run_in_trouble(store, recorder, clients, counts.long, str(seed))
        compare(recorder)
        recorder.check(CLIENTS * counts.long // 2)
        self.check_outcomes(recorder.kinds)

    def check_outcomes(self, outcomes: set[str]) -> None:
        """Check that outcomes are as they have to be under faults."""
        settled = Capability.TRANSACTIONAL in self.harness.capabilities
        expected = {"done", "refused", "failed"} | (set() if settled else {"unknown"})
        if expected - outcomes:
            raise TooLittle(f"no operation was {' or '.join(sorted(expected - outcomes))}")
        assert outcomes == expected

    def trouble(self, store: Store, seed: str, writes: int, every: tuple[int, int] | None = None) -> None:
        """Let a fault strike every few writes, and fewer where outcomes stay unknown: each of those doubles the search."""
        chosen = random.Random(seed)
        settled = Capability.TRANSACTIONAL in self.harness.capabilities
        at = 1
        while at < writes:
            store.plan.arm(chosen.choice(FAULTS), at=at)
            at += chosen.randint(*(every or ((2, 8) if settled else (8, 16))))

    def run_in_trouble(self, store: Store, recorder: Recorder, clients: Sequence[Database], operations: int, seed: str) -> None:
        """Let clients work while faults strike, and look at what is there at the end, which must be explained, too."""
        with self.latecomers(store):
            recorder.run(clients, operations, seed)
        store.plan.mend()
        store.plan.release()
        recorder.run([store.db] * 2, 10, f"{seed} end")

    @contextmanager
    def latecomers(self, store: Store) -> Iterator[None]:
        """Let late requests arrive, a little later."""
        stop = threading.Event()

        def release() -> None:
            while not stop.wait(0.003):
                store.plan.release()

        thread = threading.Thread(target=release)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
