"""A backend tried by the command line."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

import dfbackends
from dfbackends import Refused
from dfbackends.cli.trial import NAME, Trial
from tests.cli.plugged import SLOW, plugged
from tests.cli.running import run

PLENTY = 10_000
STEPS = ["write", "read", "list", "transaction", "watch", "publish"]


def fill(backend: dfbackends.Backend, size: int) -> None:
    for number in range(PLENTY):
        backend.db.put("fill", f"{size} {number}", "x" * size)


def test_a_good_store_is_measured_and_left_as_it_was(url: str) -> None:
    run("put", "--url", url, "ports", "p1", "1")

    result = run("check", "--url", url, "--json")

    [told] = result.documents
    assert (result.code, result.err) == (0, "")
    assert (told["ok"], told["warnings"], told["backend"]) == (True, [], "sqlite")
    assert told["capabilities"] == ["Transactional", "Watching"]
    assert told["limits"]["commit"] == 1000
    assert [step["step"] for step in told["steps"]] == STEPS
    assert (told["health"]["read"], told["health"]["write"], told["health"]["pubsub"]["code"]) == (None, None, None)
    assert told["health"]["changes"]["silent"] < 10
    assert all(step["ok"] and step["rounds"] >= 1 and 0 < step["median_ms"] < 10_000 for step in told["steps"])
    assert run("tables", "--url", url).out == "ports\n"


def test_text_has_a_line_for_each_step() -> None:
    result = run("check", "--url", "memory:")

    assert result.code == 0
    assert result.out.startswith("memory, messages by memory: Transactional, Watching\n")
    *steps, health = result.out.splitlines()[3:]
    assert [line.split()[0] for line in steps] == STEPS
    assert health == "health: read ok, write ok, messages ok"


def test_messages_that_are_polled_for_are_tried_as_well(url: str) -> None:
    result = run("check", "--url", f"{url}?pubsub=log", "--json")

    [told] = result.documents
    assert result.code == 0
    assert (told["pubsub"], told["atomic_announcements"]) == ("log", False)
    assert told["steps"][-1]["ok"] is True


def test_a_deadline_without_time_for_a_repetition_is_a_warning_that_matters(url: str) -> None:
    result = run("check", "--url", f"{url}?deadline=5&timeout=2", "--json")

    [told] = result.documents
    assert result.code == 1
    assert told["ok"] is False
    assert all(step["ok"] for step in told["steps"])
    assert "a deadline of 5 s leaves no time" in told["warnings"][0]
    assert result.error["message"] == told["warnings"][0]


@pytest.mark.parametrize(("deadline", "count"), [(10, 1), (16.9, 1), (17, 0)])
def test_a_deadline_leaves_two_seconds_beside_a_failover(tmp_path: Path, deadline: float, count: int) -> None:
    installed = plugged(tmp_path, "acme-store", "acme", SLOW, db="slow = acme:db")

    result = run("check", "--url", f"slow:?deadline={deadline}", "--json", env=installed)

    [told] = result.documents
    assert (result.code, told["ok"], told["failover"]) == (count, count == 0, 15.0)
    assert ["set deadline to 17 or more" in warning for warning in told["warnings"]] == [True] * count
    assert result.err.count("set deadline to 17") == count


def test_a_folder_that_is_missing_is_told_as_everywhere() -> None:
    assert run("check", "--url", "sqlite:/nowhere/app.db") == (
        2, "", "dfbackends: /nowhere is not a directory; create it first\n",
    )  # fmt: skip


def test_a_full_store_fails_where_it_writes_and_works_where_it_reads(url: str) -> None:
    full = f"{url}?max_size=1"
    with dfbackends.open(full) as backend:
        for size in (100_000, 1000, 1):
            with pytest.raises(Refused, match="full"):
                fill(backend, size)

    result = run("check", "--url", full, "--json")

    [told] = result.documents
    steps = {step["step"]: step for step in told["steps"]}
    assert result.code == 3
    assert steps["write"]["code"] == "full"
    assert steps["read"]["ok"] is True
    assert result.error["code"] == "full"
    assert result.error["message"].startswith("write: ")
    assert NAME not in run("tables", "--url", full).out


def test_what_a_killed_check_left_is_removed_an_hour_later_and_not_before() -> None:
    with dfbackends.open(f"memory:{uuid.uuid4()}") as backend:
        backend.db.put(NAME, "old", {"at": 0, "round": 1}, topic=NAME)
        backend.db.put(NAME, "young", {"at": 2**40, "round": 1}, topic=NAME)
        trial = Trial(backend, watching=True, deadline=10)

        assert [step.error for step in trial.steps()] == [None] * len(STEPS)
        assert trial.clean() is None

        assert list(backend.db.keys(NAME)) == ["young"]
