"""What concurrent clients see, with and without faults."""

from __future__ import annotations

import random
import threading

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases
from contract_tests.counts import Counts
from contract_tests.fault import Fault
from contract_tests.floor import TooLittle
from contract_tests.harness import Store
from contract_tests.history import Recorder
from contract_tests.linearizability import linearizable
from contract_tests.marks import clause

CLIENTS = 6
FAULTS = [Fault.CUT, Fault.LOST_REPLY, Fault.REFUSED, Fault.LATE]


class HistoryCases(Cases):
    """Histories are linearizable."""

    @clause("ERR-07", timeout=120)
    def test_histories_are_linearizable(self, store: Store, counts: Counts, seed: int) -> None:
        """Histories of concurrent clients are linearizable."""
        clients = [store.db, store.open().db] * (CLIENTS // 2)
        for number in range(counts.histories):
            recorder = Recorder(f"t{number}")
            recorder.run(clients, counts.operations, f"{seed} {number}")
            self.judge(recorder)
            if not recorder.outcomes["swap refused"] + recorder.outcomes["swap done"]:
                raise TooLittle("nothing was swapped")
            assert not any("unknown" in what or "failed" in what for what in recorder.outcomes)

    @clause("ERR-07", injects=FAULTS, timeout=180)
    def test_histories_under_faults_are_linearizable(self, store: Store, counts: Counts, seed: int) -> None:
        """Histories under faults are linearizable: what failed definitely has no effect, also when it arrives late."""
        outcomes: set[str] = set()
        for number in range(counts.histories):
            recorder = Recorder(f"t{number}")
            # Without repetitions more outcomes reach the clients.
            clients = [store.open(retries=number % 2, deadline=3).db for _ in range(CLIENTS)]
            self.trouble(store, f"{seed} {number}", CLIENTS * counts.operations // 2)
            stop = threading.Event()
            latecomers = threading.Thread(target=self.release, args=(store, stop))
            latecomers.start()
            try:
                recorder.run(clients, counts.operations, f"{seed} {number}")
            finally:
                stop.set()
                latecomers.join()
            store.plan.mend()
            store.plan.release()
            # What is there at the end must be explained, too.
            recorder.run([store.db] * 2, 10, f"{seed} {number} end")
            self.judge(recorder)
            outcomes |= {what.split()[1] for what in recorder.outcomes}
        settled = Capability.TRANSACTIONAL in self.harness.capabilities
        expected = {"done", "refused", "failed"} | (set() if settled else {"unknown"})
        if expected - outcomes:
            raise TooLittle(f"no operation was {' or '.join(sorted(expected - outcomes))}")
        assert outcomes == expected

    def judge(self, recorder: Recorder) -> None:
        """Check each key."""
        for key, history in recorder.histories.items():
            assert linearizable(history), (key, sorted(history, key=lambda operation: operation.begin))

    def trouble(self, store: Store, seed: str, writes: int) -> None:
        """Let a fault strike every few writes, and fewer where outcomes stay unknown: each of those doubles the search."""
        chosen = random.Random(seed)
        settled = Capability.TRANSACTIONAL in self.harness.capabilities
        at = 1
        while at < writes:
            store.plan.arm(chosen.choice(FAULTS), at=at)
            at += chosen.randint(*((2, 8) if settled else (8, 16)))

    def release(self, store: Store, stop: threading.Event) -> None:
        """Let late requests arrive, a little later."""
        while not stop.wait(0.003):
            store.plan.release()
