"""How far a line was told, by what its watches have told."""

from __future__ import annotations

from collections import deque

import pytest

from dfbackends_etcd.store import Store
from dfbackends_etcd.watches import Asked, Number, Watched, Watches

STORE = Store(cluster=1, name="name", term=2, revision=100)


class Line:
    """Two topics that were confirmed at revision 100, and what the place behind them is."""

    def __init__(self) -> None:
        self.watches: Watches[str] = Watches(100)
        self.quiet, self.busy = (self._confirmed(number, topic) for number, topic in enumerate(("quiet", "busy")))

    def at(self, topic: str) -> int:
        """Return up to where a topic was told, as the place has it."""
        place = self.watches.place(STORE, None)
        return place.ahead.get(topic, place.revision)

    def _confirmed(self, number: int, topic: str) -> Watched[str]:
        watch = Watched(topic, topic.encode(), 100)
        self.watches.wanted.add(topic)
        self.watches.add(Number(1, number), watch)
        return watch


@pytest.fixture
def line() -> Line:
    """The busy topic has told something."""
    line = Line()
    line.busy.at = 300
    line.watches.see(300)
    return line


def test_what_one_topic_was_told_says_nothing_of_another(line: Line) -> None:
    assert (line.at("quiet"), line.at("busy")) == (100, 300)
    assert line.watches.is_behind("quiet", 300)
    assert not line.watches.is_behind("busy", 300)
    assert not line.watches.is_behind("unknown", 300)


def test_a_topic_that_was_not_confirmed_yet_goes_on_where_it_was(line: Line) -> None:
    line.watches.asked[1] = deque([Asked("asked", b"asked", 71), Asked("busy", b"busy", 71)])

    assert (line.at("asked"), line.at("busy")) == (70, 300)


def test_a_topic_that_was_given_up_holds_nothing_back(line: Line) -> None:
    assert line.watches.discard("quiet") == Number(1, 0)

    assert line.watches.place(STORE, None).revision == 300
    assert line.watches.discard("quiet") is None
