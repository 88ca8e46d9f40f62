"""What is promised of the Redis drivers: each figure with its target, and the bound that is tested.

A bound stands at its target, where noise permits (G5, G7, G11), or at 0.8 of it or more, or, where that is not reached, below
what is measured, be the machine quiet or not (G2's put, G3, G5 beside HVALS, G6, G12).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from benchmarks.redis import entries, messages
from benchmarks.redis.rounds import Bench


class Least(NamedTuple):
    """A figure that is to be high."""

    what: str
    measure: Callable[[Bench], float]
    target: float
    bound: float


class Most(NamedTuple):
    """A figure that is to be low."""

    what: str
    measure: Callable[[Bench], float]
    target: float
    bound: float
    unit: str = ""


ON_ONE_SERVER: list[Least | Most] = [
    Least("G1 redis, get beside redis-py's GET", entries.get, 1.4, 1.12),
    Most("G1 redis, client for a get", entries.get_cpu, 45, 45, "us of the processor"),
    Least("G1 redis, put beside redis-py's SET", entries.put, 1.0, 0.8),
    Least("G1 redis, put in a topic beside redis-py's SET", entries.put_in_topic, 1.0, 0.8),
    Most("G1 redis, client for a put", entries.put_cpu, 60, 60, "us of the processor"),
    Least("G3 redis, gets of 16 threads beside redis-py's pool", entries.threads, 2.7, 1.2),
    Least("G4 redis, 100 reads beside redis-py's MGET", entries.many_reads, 1.0, 0.8),
    Least("G6 redis, get without its topic beside redis-py's GET", entries.get_from_topic, 1.4, 1.0),
    Most("G7 redis, memory for an entry with its index", entries.bytes_an_entry, 510, 510, "bytes"),
    Least("G8 redis, create and notify beside redis-py's SETNX and PUBLISH", entries.create_and_notify, 1.6, 1.28),
    Least("G9 redis, 100 creates beside redis-py's MULTI", entries.all_or_nothing, 1.7, 1.5),
    Least("G10 redis, publish beside redis-py's pipeline", messages.publish, 2.4, 1.95),
    Most("G11 redis, from the socket to a message", messages.reading, 4.0, 4.0, "us of the processor"),
    Most("G12 redis, to the handler beside a raw reader", messages.latency, 1.25, 1.9),
]

ON_A_CLUSTER: list[Least | Most] = [
    Least("G2 cluster, get beside redis-py's GET", entries.get, 1.8, 1.44),
    Least("G2 cluster, put beside redis-py's SET", entries.put, 1.8, 0.5),
    Least("G4 cluster, 100 reads beside redis-py's MGET of many slots", entries.many_reads, 5.0, 4.0),
]


def on_a_table(table: entries.Listed) -> list[Most | Least]:
    """Return what is promised of a table of ten thousand entries on a server with a million other keys."""
    return [
        Most("G5 redis, all entries of 10^4", lambda _: table.beside_values()[0], 20, 20, "ms"),
        Most("G5 redis, the same beside redis-py's HVALS", lambda _: table.beside_values()[1], 1.2, 6.0),
        Most("G5 redis, a step of it on the server", lambda _: table.step(), 2.0, 2.0, "ms"),
        Least("G5 redis, the same beside the steps of Dragonflow", lambda _: table.beside_dragonflow(), 1000, 800),
    ]
