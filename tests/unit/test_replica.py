"""What readers of a replica see while changes are applied."""

from __future__ import annotations

from dfbackends.api import Change, Record, Stream, Table
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
