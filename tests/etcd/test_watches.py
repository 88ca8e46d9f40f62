"""How far a line was told, by what its watches tell and when."""

from __future__ import annotations

from collections import deque

import pytest

from dfbackends_etcd.store import Store
from dfbackends_etcd.watches import SETTLED, Asked, Number, Watched, Watches

STORE = Store(cluster=1, name="name", term=2, revision=100)
BEGIN, LATER, MUCH_LATER = 0.0, SETTLED + 1, 2 * SETTLED + 2


class Line:
    """Two topics that were confirmed at revision 100, and what the place behind them is."""

    def __init__(self) -> None:
        self.watches: Watches[str] = Watches(100, BEGIN)
        self.quiet, self.busy = (self._confirmed(number, topic) for number, topic in enumerate(("quiet", "busy")))

    def at(self, topic: str) -> int:
        """Return up to where a topic was told, as the place has it."""
        place = self.watches.place(STORE, None)
        return place.ahead.get(topic, place.revision)

    def tells(self, watch: Watched[str], first: int, last: int, now: float) -> None:
        self.watches.told(watch, first, last, now)

    def _confirmed(self, number: int, topic: str) -> Watched[str]:
        watch = Watched(topic, topic.encode(), 100, BEGIN)
        self.watches.wanted.add(topic)
        self.watches.add(Number(1, number), watch)
        return watch


@pytest.fixture
def line() -> Line:
    """Something was seen by the busy topic, and both were there before."""
    line = Line()
    line.watches.settle(LATER, quiet=True)
    line.tells(line.busy, 200, 300, LATER)
    line.watches.settle(MUCH_LATER, quiet=True)
    assert (line.at("quiet"), line.at("busy")) == (100, 300)
    return line


def settled(line: Line, begin: float, *, quiet: bool = True) -> float:
    """Let enough time pass after a time."""
    now = begin + SETTLED + 1
    line.watches.settle(now, quiet=quiet)
    return now


def test_a_silent_topic_follows_the_others_in_time(line: Line) -> None:
    settled(line, MUCH_LATER)

    assert (line.at("quiet"), line.at("busy")) == (300, 300)


def test_what_is_under_way_all_the_time_lets_nothing_follow(line: Line) -> None:
    settled(line, MUCH_LATER, quiet=False)

    assert line.at("quiet") == 100


def test_a_topic_that_lags_behind_follows_only_what_it_has_told(line: Line) -> None:
    now = MUCH_LATER
    for revision in range(110, 200, 10):
        line.tells(line.quiet, revision, revision + 5, now + 1)
        now = settled(line, now)
        assert line.at("quiet") == revision + 5

    for _ in range(2):
        now = settled(line, now)
    assert line.at("quiet") == 300


def test_a_topic_that_has_just_begun_is_not_taken_for_told(line: Line) -> None:
    watch = Watched("new", b"new", 50, MUCH_LATER + 1)
    line.watches.wanted.add("new")
    line.watches.add(Number(1, 2), watch)

    now = settled(line, MUCH_LATER)
    assert line.at("new") == 50
    settled(line, now)

    assert line.at("new") == 300


def test_a_topic_that_was_not_confirmed_yet_goes_on_where_it_was(line: Line) -> None:
    line.watches.asked[1] = deque([Asked("asked", b"asked", 71), Asked("busy", b"busy", 71)])

    assert (line.at("asked"), line.at("busy")) == (70, 300)


def test_a_topic_that_was_given_up_holds_nothing_back(line: Line) -> None:
    assert line.watches.discard("quiet") == Number(1, 0)

    assert line.watches.place(STORE, None).revision == 300
    assert line.watches.discard("quiet") is None
