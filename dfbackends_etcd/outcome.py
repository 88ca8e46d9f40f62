"""What operations did, as it is kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dfbackends.api import Fence, OpId
from dfbackends_etcd.layout import fence, outcome

Answer = int | None | Fence

_DONE = ord("1")


def flags(done: Iterable[bool]) -> bytes:
    """Return how it is kept which writes were done."""
    return b"".join(b"1" if one else b"0" for one in done)


def answers(kvs: Iterable[Any], op: OpId, count: int) -> list[Answer]:
    """Return what became of each of so many writes, by all keys of an operation; NEVER where nothing did."""
    prefix = fence(op)
    found: list[Answer] = [Fence.NEVER] * count
    for kv in kvs:
        if kv.key != prefix:
            first = int(kv.key[len(prefix) :])
            found[first : first + len(kv.value)] = _each(kv)
    return found


def recorded(kvs: Iterable[Any], op: OpId, number: int, count: int) -> list[int | None] | None:
    """Return what so many writes from a number on did, or, where they were fenced off, that they did nothing.

    None where there is neither an outcome nor a fence.
    """
    own = outcome(op, number)
    found: list[int | None] | None = None
    for kv in kvs:
        if kv.key == own:
            return _each(kv)
        if kv.key == fence(op):
            found = [None] * count
    return found


def _each(kv: Any) -> list[int | None]:
    return [kv.mod_revision if flag == _DONE else None for flag in kv.value]
