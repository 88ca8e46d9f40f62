"""What a log is told of things that fail again and again."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from dfbackends.allowance import Allowance
from dfbackends.failures import Failures
from dfbackends.outage import Outage

LOG = logging.getLogger("dfbackends.test")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """The lines so far, at the levels that are on by default."""
    caplog.set_level(logging.INFO, logger="dfbackends")
    texts: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            texts.append(f"{record.levelname} {record.getMessage()}")

    keep = Keep(logging.INFO)
    LOG.addHandler(keep)
    yield texts
    LOG.removeHandler(keep)


def test_an_outage_is_its_beginning_each_other_reason_and_its_end(said: list[str], clock: Clock) -> None:
    outage = Outage(LOG, "the line", clock=clock)

    outage.up()
    for code in ("unreachable", "unreachable", "overloaded", "unreachable", "overloaded"):
        outage.down(code, "x")
    outage.up()
    outage.up()

    assert said == [
        "WARNING the line is down: unreachable (x)",
        "WARNING the line is down: overloaded (x)",
        "INFO the line works again",
    ]


def test_it_ends_when_no_member_fails_any_more(said: list[str], clock: Clock) -> None:
    outage = Outage(LOG, "reading", clock=clock)
    outage.down("full", "x", "a")
    outage.down("full", "x", "b")

    outage.up("a")
    assert len(said) == 1
    outage.up("b")

    assert said[1:] == ["INFO reading works again"]


def test_a_member_that_leaves_does_not_say_that_it_works_again(said: list[str], clock: Clock) -> None:
    outage = Outage(LOG, "reading", clock=clock)
    outage.down("full", "x", "a")

    outage.leave("a")
    outage.up("b")

    assert said == ["WARNING reading is down: full (x)"]


def test_what_flaps_for_ten_minutes_has_six_lines_and_the_truth_is_told_in_the_end(said: list[str], clock: Clock) -> None:
    outage = Outage(LOG, "the line", clock=clock)
    for _ in range(1200):
        outage.down("unreachable", "x")
        outage.up()
        clock.now += 0.5

    assert len(said) <= 6
    clock.now += 600.0
    outage.up()

    assert said[-1].startswith("INFO the line works again; it changed ")


def test_the_same_failure_is_told_once_in_ten_minutes_and_another_one_at_once(said: list[str], clock: Clock) -> None:
    failures = Failures(LOG, clock=clock)
    for _ in range(1000):
        failures.tell("a", "%s failed", "a")
        clock.now += 0.5
    failures.tell("b", "%s failed", "b")
    clock.now += 600.0
    failures.tell("b", "%s failed", "b")

    assert said == ["WARNING a failed", "WARNING b failed; 999 more since the last one told", "WARNING b failed"]


def test_failures_that_are_all_different_are_few_lines_as_well(said: list[str], clock: Clock) -> None:
    failures = Failures(LOG, logging.ERROR, clock=clock)
    for number in range(6000):
        failures.tell(str(number), "it failed")
        clock.now += 0.1

    assert 4 <= len(said) <= 6
    assert said[0] == "ERROR it failed"


def test_an_allowance_is_four_and_one_each_five_minutes(clock: Clock) -> None:
    allowance = Allowance(clock)
    assert [allowance.take() for _ in range(6)] == [True] * 4 + [False] * 2
    clock.now += 301.0
    assert [allowance.take(), allowance.take()] == [True, False]
    clock.now += 1e6
    assert [allowance.take() for _ in range(5)] == [True] * 4 + [False]
