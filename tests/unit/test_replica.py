"""What readers of a replica see while changes are applied."""

from __future__ import annotations

from dfbackends.api import Change, Head, Record, Stream, Table
from dfbackends.cell import Cell
from dfbackends.replica import Replica

TABLE = Table("t", "t")
A, B = Stream(TABLE, "a"), Stream(TABLE, "b")


class Watched(dict[str, Cell]):
    """Entries that remember what was taken from them."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[str] = []

    def __delitem__(self, key: str) -> None:
        self.taken.append(key)
        super().__delitem__(key)


def test_an_entry_that_moves_is_there_at_each_moment() -> None:
    replica = Replica(lambda: None)
    cells = replica.cells = Watched()
    replica.follow([A, B])
    for stream, entries in ((A, [("k", Record(b"1", 1, "a"))]), (B, [])):
        replica.begin(stream, "head")
        replica.load(stream, entries)

    replica.apply([Change(A, "k", None, 2, "head", "2"), Change(B, "k", Record(b"2", 2, "b"), 2, "head", "2")])
    replica.apply([Change(A, "k", Record(b"3", 3, "a"), 3, "2", "3"), Change(B, "k", None, 3, "2", "3")])

    assert cells["k"].record == Record(b"3", 3, "a")
    assert cells.taken == []
    replica.apply([Change(A, "k", None, 4, "3", "4")])
    assert cells.taken == ["k"]


def test_a_change_that_is_older_than_the_entry_is_passed_over() -> None:
    replica = Replica(lambda: None)
    replica.follow([A])
    replica.begin(A, "head")
    replica.load(A, [("k", Record(b"5", 5, "a"))])

    replica.apply([Change(A, "k", Record(b"4", 4, "a"), 4, "head", "4")])

    assert replica.cells["k"].record == Record(b"5", 5, "a")


def test_chains_are_compared_each_by_itself() -> None:
    replica = Replica(lambda: None)
    replica.follow([A])
    replica.begin(A, {"x": "x1", "y": "y1"})
    replica.load(A, [])

    # The store has told of the change of y, and not of that of x, which arrives first.
    assert not replica.check(lambda _: [{"x": "x1", "y": "y2"}])
    assert replica.overdue() == [A]
    replica.apply([Change(A, "k", Record(b"2", 2, "a"), 2, "x1", "x2", "x")])
    assert replica.overdue() == [A]
    replica.apply([Change(A, "l", Record(b"3", 3, "a"), 3, "y1", "y2", "y")])

    assert replica.overdue() == []
    assert replica.check(lambda _: [{"x": "x2", "y": "y2"}])
    assert replica.current


def test_heads_that_were_passed_while_the_store_was_asked_are_no_difference() -> None:
    replica = Replica(lambda: None)
    replica.follow([A])
    replica.begin(A, {"x": "x1"})
    replica.load(A, [])

    def ask(_: list[Stream]) -> list[Head]:
        told = {"x": "x1"}
        replica.apply(
            [
                Change(A, "k", Record(b"2", 2, "a"), 2, "x1", "x2", "x"),
                Change(A, "l", Record(b"3", 3, "a"), 3, "", "y1", "y"),
            ]
        )
        return [told]

    assert replica.check(ask)


def test_a_chain_that_the_store_has_no_longer_is_a_difference() -> None:
    replica = Replica(lambda: None)
    replica.follow([A])
    replica.begin(A, {"x": "x1", "y": "y1"})
    replica.load(A, [])

    assert not replica.check(lambda _: [{"x": "x1"}])
    assert replica.overdue() == [A]


def test_a_change_that_does_not_follow_its_own_chain_shows_that_some_are_missing() -> None:
    replica = Replica(lambda: None)
    replica.follow([A])
    replica.begin(A, {"x": "x1", "y": "y1"})
    replica.load(A, [])

    replica.apply([Change(A, "k", Record(b"2", 2, "a"), 2, "y1", "x2", "x")])

    assert replica.wanted() == [A]
