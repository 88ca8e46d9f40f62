"""The state of a mirror is told each time that it may have changed, and its topics are checked."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dfbackends
from contract_tests.fault import Fault
from contract_tests.faults.faulty import faulty_db
from contract_tests.faults.simulated import Simulated
from contract_tests.plan import Plan
from contract_tests.servers.replaced_file import ReplacedFile
from contract_tests.waiting import Stopwatch, eventually
from dfbackends.drivers.memory import MemoryDb, shared
from dfbackends.mirror import Changed, Mirror
from tests.drivers.poor import PoorDb, PoorStore

Open = Callable[[], dfbackends.Backend]


@pytest.fixture(params=["memory", "sqlite", "polled"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Open handles of one store; the polled one does not tell of changes."""
    name, polled = secrets.token_hex(8), PoorStore()
    handles: list[dfbackends.Backend] = []

    def connect() -> dfbackends.Backend:
        if request.param == "polled":
            handles.append(dfbackends.assemble(PoorDb(polled)))
        else:
            handles.append(dfbackends.open(f"memory:{name}" if request.param == "memory" else f"sqlite:{tmp_path}/a.db"))
        return handles[-1]

    yield connect
    for handle in handles:
        handle.close()


@pytest.mark.parametrize("topics", [["b"], []])
def test_topics_that_are_set_by_a_handler_are_told_to_be_loaded_and_then_current(opened: Open, topics: list[str]) -> None:
    backend, other = opened(), opened()
    other.db.put("t", "a", 1, topic="a")
    other.db.put("t", "b", 1, topic="b")
    states: list[bool] = []
    mirrors: list[Mirror] = []

    def on_change(change: Changed) -> None:
        if change.key == "now" and change.old is None:
            mirrors[0].topics = topics

    mirror = backend.mirror(
        "t", topics=["a"], on_change=on_change, on_state=lambda _, synced: states.append(synced), check_interval=1.0
    )
    mirrors.append(mirror)
    eventually(lambda: states == [True], "it is current")
    other.db.put("t", "now", 1, topic="a")

    eventually(lambda: states == [True, False, True], "both are told")
    assert mirror.keys() == topics


def test_a_store_that_is_exchanged_while_a_handler_runs_is_told(tmp_path: Path) -> None:
    store = ReplacedFile(tmp_path)
    states: list[bool] = []
    busy, go_on = threading.Event(), threading.Event()

    def on_change(change: Changed) -> None:
        if change.key == "slow":
            busy.set()
            go_on.wait(10)

    with store.open() as backend, store.open() as other:
        mirror = backend.mirror("t", on_change=on_change, on_state=lambda _, synced: states.append(synced), check_interval=5.0)
        eventually(lambda: states == [True], "it is current")
        other.db.put("t", "slow", 1)
        assert busy.wait(10)
        store.replace(Fault.WIPED)
        eventually(lambda: bool(mirror._replica.wanted()), "the line has recovered")
        go_on.set()
        eventually(lambda: mirror.synced and len(mirror) == 0, "it has the new store")
        eventually(lambda: states[-1], "and says so")

    assert states == [True, False, True]


def test_a_store_that_would_be_asked_again_for_long_is_told_to_be_away_in_two_intervals() -> None:
    plan = Plan(str)
    driver = faulty_db(MemoryDb(shared(secrets.token_hex(8))), Simulated(plan))
    driver.failover = 30.0
    states: list[bool] = []
    interval = 0.2

    with dfbackends.assemble(driver, deadline=60.0) as backend:
        backend.mirror("t", on_state=lambda _, synced: states.append(synced), check_interval=interval)
        eventually(lambda: states == [True], "it is current")
        plan.arm(Fault.REFUSED, verbs=("read",), times=10_000)
        watch = Stopwatch()

        eventually(lambda: states == [True, False], "it is told to be stale")
        assert watch.seconds < 2 * interval + 1
        plan.mend()


@pytest.mark.parametrize("topic", ["", "\ud800", 5])
def test_what_is_no_topic_is_refused_at_once_and_the_others_stay(opened: Open, topic: Any) -> None:
    backend = opened()
    with pytest.raises(dfbackends.InvalidName):
        backend.mirror("t", topics=["a", topic])
    with backend.mirror("t", topics=["a"]) as mirror:
        mirror.wait_synced(10)

        with pytest.raises(dfbackends.InvalidName):
            mirror.topics = ["b", topic]

        with pytest.raises(dfbackends.InvalidName):
            mirror.topics = "a"
        assert mirror.topics == frozenset({"a"})
        assert mirror.synced
