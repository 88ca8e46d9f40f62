"""The steps by which Dragonflow's Redis driver lists a table, taken by redis-py: that driver itself needs Neutron."""

from __future__ import annotations

from itertools import islice
from typing import Any

# The default of its option batch_amount.
_AT_ONCE = 50


def key(table: str, topic: str, name: str) -> str:
    """Return the key under which it keeps an entry."""
    return f"{{{table}.{topic}}}{name}"


def fill(client: Any, table: str, count: int, value: bytes) -> None:
    """Write so many entries, half of them in each of two topics."""
    pipe = client.pipeline(transaction=False)
    for number in range(count):
        pipe.set(key(table, "ab"[number % 2], f"k{number}"), value)
    pipe.execute()


def listed(client: Any, table: str) -> list[bytes]:
    """Return all values of a table: all keys of the server are looked through, and those that fit are read in batches."""
    found = iter(set(client.scan_iter(match=key(table, "*", "*"))))
    values: list[bytes] = []
    while some := list(islice(found, _AT_ONCE)):
        pipe = client.pipeline(transaction=False)
        for one in some:
            pipe.get(one)
        values += pipe.execute()
    return values
