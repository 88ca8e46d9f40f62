"""Local copies whose store becomes another one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases
from contract_tests.checks.copies import Told, content, wait_equal
from contract_tests.fault import Fault
from contract_tests.marks import clause
from contract_tests.notes import Recoveries
from contract_tests.replaceable import Replaceable
from contract_tests.waiting import Stopwatch, eventually
from dfbackends import Database, Mirror

if TYPE_CHECKING:
    from contract_tests.running import Running

INTERVAL = 0.3


class ReplacementCases(Cases):
    """Another store is noticed."""

    @pytest.fixture
    def replaceable(self, contract_running: Running, tmp_path: Path) -> Iterator[Replaceable]:
        """A store that is the case's alone."""
        contract_running.start(self.harness)
        replaceable = self.harness.replaceable(tmp_path)
        assert replaceable is not None, "mark the case with what it injects"
        with replaceable:
            yield replaceable

    @clause("MIR-03", injects=[Fault.WIPED])
    @pytest.mark.parametrize("topics", [None, ["a"]], ids=["table", "topics"])
    def test_a_wiped_store_is_noticed(self, replaceable: Replaceable, recoveries: Recoveries, topics: list[str] | None) -> None:
        """A copy of a store that was wiped is marked stale, and becomes empty."""
        self.noticed(replaceable, Fault.WIPED, topics, recoveries)

    @clause("MIR-03", injects=[Fault.OLDER])
    @pytest.mark.parametrize("topics", [None, ["a"]], ids=["table", "topics"])
    def test_an_older_store_is_noticed(
        self, replaceable: Replaceable, recoveries: Recoveries, topics: list[str] | None
    ) -> None:
        """A copy of a store that was set back is marked stale, and set back, too."""
        self.noticed(replaceable, Fault.OLDER, topics, recoveries)

    @clause("MIR-03", injects=[Fault.OTHER])
    @pytest.mark.parametrize("topics", [None, ["a"]], ids=["table", "topics"])
    def test_another_store_is_noticed(self, replaceable: Replaceable, recoveries: Recoveries, topics: list[str] | None) -> None:
        """A copy of a store in whose place another one was put is marked stale, also when its revisions look newer."""
        self.noticed(replaceable, Fault.OTHER, topics, recoveries)

    def noticed(self, store: Replaceable, how: Fault, topics: list[str] | None, recoveries: Recoveries) -> None:
        """Replace a store, and look at a mirror of it."""
        watching = Capability.WATCHING in self.harness.capabilities
        told = Told()
        with ExitStack() as opened:
            backend, writer = (opened.enter_context(store.open()) for _ in range(2))
            writer.db.put_many("t", {f"k{number}": number for number in range(10)}, topic="a")
            store.keep()
            writer.db.put("t", "k0", "newer", topic="a")
            writer.db.put("t", "later", 1, topic="a")
            mirror = opened.enter_context(
                backend.mirror("t", topics=topics, on_change=told.on_change, on_state=told.on_state, check_interval=INTERVAL)
            )
            mirror.wait_synced(10)
            told.wait_synced()
            if how is Fault.OTHER:
                with store.other() as other:
                    other.db.put_many("t", {f"k{number}": -number for number in range(5)}, topic="a")
                    assert other.db.entry("t", "k0").revision > mirror.entry("later").revision

            watch = Stopwatch()
            store.replace(how)
            if watching:
                told.wait_stale()
                assert watch.seconds < 2 * INTERVAL + 2
                recoveries.detected(how, watch.seconds)
            # Who reads may go on for seconds in what was there when he opened it.
            eventually(lambda: "later" not in mirror, "it is noticed", 20)
            fresh = opened.enter_context(store.open())
            wait_equal(mirror, fresh.db)
            recoveries.recovered(how, watch.seconds)
            assert mirror.size == {Fault.WIPED: 0, Fault.OLDER: 10, Fault.OTHER: 5}[how]

            fresh.db.put("t", "after", 1, topic="a")
            wait_equal(mirror, fresh.db)
            eventually(lambda: told.content == content(mirror), "all of it is told")
            assert told.wrong == []
            if watching:
                # Where the line is still that of the store before, changes are only found by comparing, until it is replaced.
                eventually(lambda: self.arrives(fresh.db, mirror), "changes arrive at once, ten times in a row")

    def arrives(self, db: Database, mirror: Mirror) -> bool:
        """Return whether ten changes come to a mirror one after the other, sooner than comparing would find a single one."""
        watch = Stopwatch()
        for _ in range(10):
            revision = db.put("t", "live", 1, topic="a")
            while "live" not in mirror or mirror.entry("live").revision < revision:
                if watch.seconds > INTERVAL:
                    return False
        return True
