"""Local copies that may be stale, and say so."""

from __future__ import annotations

import threading

import pytest

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases
from contract_tests.cases.mirrors import TOPICS
from contract_tests.checks.copies import Told, content, wait_equal
from contract_tests.clients.traffic import Traffic
from contract_tests.fault import Fault
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.notes import Recoveries
from contract_tests.waiting import FACTOR, SOON, Stopwatch, eventually, never
from dfbackends import Changed, Mirror, Unavailable

INTERVAL = 0.3

LINE_FAULTS = [Fault.BROKEN_LINE, Fault.GONE, Fault.DOWN, Fault.DEAF, Fault.DROPPED]


def named(fault: Fault) -> str:
    """Return how a case with a fault is called."""
    return fault.name.lower()


def strike(store: Store, fault: Fault) -> None:
    """Let a fault strike the lines of changes."""
    if fault is Fault.DROPPED:
        store.plan.drop_changes("t", 2)
    elif fault is Fault.DEAF:
        store.plan.impair(fault)
    else:
        store.plan.lose_line(fault)


class StalenessCases(Cases):
    """After any fault a copy is marked stale, and mended without help."""

    @clause("MIR-02", injects=LINE_FAULTS, needs=[Capability.WATCHING], timeout=120)
    @pytest.mark.parametrize("topics", [None, ["a", "b"]], ids=["table", "topics"])
    @pytest.mark.parametrize("fault", LINE_FAULTS, ids=named)
    def test_a_fault_of_the_line(
        self, store: Store, fault: Fault, topics: list[str] | None, seed: int, recoveries: Recoveries
    ) -> None:
        """Whatever befalls the line while others write, the copy is marked stale, and equals the store again without help."""
        told = Told()
        with (
            Traffic([store.open().db], "t", TOPICS, seed=seed) as traffic,
            store.backend.mirror(
                "t", topics=topics, on_change=told.on_change, on_state=told.on_state, check_interval=INTERVAL
            ) as mirror,
        ):
            mirror.wait_synced(20)
            for _ in range(3):
                told.wait_synced()
                told.states.clear()
                told.states.append(True)
                watch = Stopwatch()
                strike(store, fault)
                told.wait_stale()
                recoveries.detected(fault, watch.seconds)
                watch = Stopwatch()
                store.plan.mend()
            told.wait_synced()
            recoveries.recovered(fault, watch.seconds)
            with traffic.paused():
                wait_equal(mirror, store.db)
                eventually(lambda: told.content == content(mirror), "what was told adds up to the copy")
        assert told.wrong == []

    @clause("MIR-02", injects=[Fault.DROPPED], needs=[Capability.WATCHING])
    def test_the_last_change_is_dropped(self, store: Store) -> None:
        """A change that is missing, and is followed by no other, is found by comparing, within two intervals."""
        told = Told()
        with store.backend.mirror("t", on_state=told.on_state, check_interval=INTERVAL) as mirror:
            mirror.wait_synced(10)
            told.wait_synced()
            watch = Stopwatch()
            store.plan.drop_changes("t")
            store.db.put("t", "k", 1)

            told.wait_stale()
            assert watch.seconds < 2 * INTERVAL + 1
            wait_equal(mirror, store.db)

    @clause("MIR-02", injects=[Fault.DOWN], needs=[Capability.WATCHING])
    def test_a_line_that_is_down_is_told_at_once(self, store: Store) -> None:
        """While the line is down the copy is stale, says why, and stays readable."""
        store.db.put("t", "k", 1)
        told = Told()
        with store.backend.mirror("t", on_state=told.on_state) as mirror:
            mirror.wait_synced(10)
            told.wait_synced()
            watch = Stopwatch()

            store.plan.lose_line(Fault.DOWN)

            told.wait_stale()
            assert watch.seconds < 1
            assert (mirror.synced, mirror.code) == (False, "unreachable")
            [health] = store.backend.health().mirrors
            assert (health.synced, health.code) == (False, "unreachable")
            store.db.put("t", "k", 2)
            assert mirror.get("k") == 1
            with pytest.raises(Unavailable, match="unreachable"):
                mirror.wait_synced(0.1)
            store.plan.mend()
            wait_equal(mirror, store.db)
            assert mirror.code is None

    @clause("MIR-02", injects=[Fault.SLOW], needs=[Capability.WATCHING])
    def test_a_slow_line_is_no_fault(self, store: Store, seed: int) -> None:
        """Changes that come 300 ms later, without pause, do not make a copy stale."""
        told = Told()
        with store.backend.mirror("t", on_state=told.on_state, check_interval=2.0) as mirror:
            mirror.wait_synced(10)
            told.wait_synced()
            store.plan.impair(Fault.SLOW)
            with Traffic([store.open().db], "t", TOPICS, seed=seed) as traffic:
                never(lambda: False in told.states, "it is told to be stale", 5)
                with traffic.paused():
                    wait_equal(mirror, store.db)

    @clause("MIR-02", injects=[Fault.GONE], needs=[Capability.WATCHING])
    def test_a_snapshot_without_differences_tells_nothing(self, store: Store) -> None:
        """A copy that was loaded again, and had missed nothing, tells no change."""
        store.db.put_many("t", {f"k{number}": number for number in range(50)})
        told = Told()
        with store.backend.mirror("t", on_change=told.on_change, on_state=told.on_state) as mirror:
            mirror.wait_synced(10)
            told.wait_synced()
            eventually(lambda: len(told.changes) == 50, "the beginning")
            carried = store.plan.carried("t")[""]

            store.plan.lose_line(Fault.GONE)
            told.wait_stale()
            told.wait_synced()

            never(lambda: len(told.changes) > 50, "something is told")
            assert store.plan.carried("t")[""] == carried + 50

    @clause("MIR-02", injects=[Fault.DOWN], needs=[Capability.WATCHING, Capability.RESUMING])
    def test_a_line_that_resumes(self, store: Store) -> None:
        """Where the line goes on where it broke, the copy goes on, too, and is not loaded again."""
        store.db.put_many("t", {f"k{number}": number for number in range(50)})
        other = store.open()
        told = Told()
        with store.backend.mirror("t", on_state=told.on_state) as mirror:
            mirror.wait_synced(10)
            told.wait_synced()
            scanned = store.plan.calls["scan"]
            store.plan.lose_line(Fault.DOWN)
            told.wait_stale()
            other.db.put("t", "k1", "meanwhile")
            store.plan.mend()
            eventually(lambda: mirror.get("k1") == "meanwhile", "the change comes")
            told.wait_synced()
            assert store.plan.calls["scan"] == scanned

    @clause("MIR-02", injects=[Fault.BROKEN_LINE], needs=[Capability.WATCHING, Capability.RESUMING])
    def test_an_outage_that_nobody_could_be_told_of_in_time(self, store: Store) -> None:
        """An outage that is over before it can be told, since a handler was running, is told all the same."""
        told = Told()
        busy, go_on = threading.Event(), threading.Event()

        def on_change(change: Changed) -> None:
            busy.set()
            go_on.wait(SOON * FACTOR)

        with store.backend.mirror("t", on_change=on_change, on_state=told.on_state) as mirror:
            mirror.wait_synced(10)
            told.wait_synced()
            store.db.put("t", "k", 1)
            assert busy.wait(SOON * FACTOR)
            store.plan.lose_line()
            eventually(lambda: not mirror.synced or store.plan.calls["watch"] > 1, "the line breaks")
            eventually(lambda: mirror.synced, "the line goes on")
            assert told.states == [True]
            go_on.set()

            told.wait_stale()
            told.wait_synced()

    @clause("MIR-02", injects=[Fault.GONE, Fault.DOWN], needs=[Capability.WATCHING])
    def test_all_mirrors_of_a_line(self, store: Store, seed: int) -> None:
        """All mirrors of a line are marked stale when it breaks, and all are mended."""
        mirrors: list[Mirror] = []
        told = [Told() for _ in range(20)]
        for number, one in enumerate(told):
            topics = None if number % 2 else ["a"]
            mirrors.append(store.backend.mirror("t", topics=topics, on_state=one.on_state))
        with Traffic([store.open().db], "t", TOPICS, seed=seed) as traffic:
            for mirror, one in zip(mirrors, told, strict=True):
                mirror.wait_synced(20)
                one.wait_synced()
            store.plan.lose_line(Fault.DOWN)
            for one in told:
                one.wait_stale()
            store.plan.mend()
            for mirror in mirrors:
                mirror.wait_synced(20)
            with traffic.paused():
                for mirror in mirrors:
                    wait_equal(mirror, store.db)
        assert store.plan.calls["watch"] >= 2
