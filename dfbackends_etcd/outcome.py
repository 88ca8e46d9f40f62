"""What operations did, as it is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dfbackends.api import Fence, OpId
from dfbackends_etcd.layout import fence, outcome

Answer = int | None | Fence

_DONE = ord("1")


def flags(done: Iterable[bool]) -> bytes:
    """Return how it is kept which writes were done."""
    return b"".join(b"1" if one else b"0" for one in done)


def answers(kvs: Iterable[Any], op: OpId, count: int) -> list[Answer]:
    """Return what became of each of so many writes, by the keys of an operation; NEVER where nothing did."""
    prefix = fence(op)
    found: list[Answer] = [Fence.NEVER] * count
    for kv in kvs:
        if kv.key != prefix:
            for number, flag in enumerate(kv.value, int(kv.key[len(prefix) :])):
                found[number] = kv.mod_revision if flag == _DONE else None
    return found


def recorded(kvs: Sequence[Any], op: OpId, number: int, count: int) -> list[int | None] | None:
    """Return what so many writes from a number on did, or, where they were fenced off, that they did nothing.

    None where there is neither an outcome nor a fence.
    """
    if not any(kv.key in (fence(op), outcome(op, number)) for kv in kvs):
        return None
    found = answers(kvs, op, number + count)[number:]
    return [answer if isinstance(answer, int) else None for answer in found]
