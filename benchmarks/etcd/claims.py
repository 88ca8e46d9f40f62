"""What is promised of the etcd driver (G13): each figure with its target, and the bound that is tested.

A bound stands at its target; below it for a put in a topic, which is more work than what it is held against, and beside
etcd3gw, since other processes take the machine.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

from benchmarks.etcd.peer import LISTED, TOGETHER, VALUE
from benchmarks.etcd.rounds import TABLE, Bench
from dfbackends.api import Key, Stream, Table, Write
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.testing import EtcdServer


class Least(NamedTuple):
    """A figure that is to be high: how many times as long the other client takes."""

    what: str
    measure: Callable[[Bench], float]
    target: float
    bound: float


def put(bench: Bench, peer: str = "etcd3") -> float:
    """A put with its revision, outcome and head, beside a bare put."""
    ours, theirs = bench.beside(peer, "put", lambda: bench.put("k"))
    return theirs.p50 / ours.p50


def put_cpu(bench: Bench, peer: str = "etcd3") -> float:
    """The same, by what the clients need of the processor."""
    ours, theirs = bench.beside(peer, "put", lambda: bench.put("k"))
    return theirs.client / ours.client


def put_in_topic(bench: Bench, peer: str = "etcd3") -> float:
    """A put with a topic, which is stored and told twice, beside the same bare put."""
    ours, theirs = bench.beside(peer, "put", lambda: bench.put("in-topic", "a"))
    return theirs.p50 / ours.p50


def get(bench: Bench, peer: str = "etcd3") -> float:
    """A get."""
    bench.put("k")
    ours, theirs = bench.beside(peer, "get", lambda: bench.db.read([Key(TABLE, "k")]))
    return theirs.p50 / ours.p50


def listing(bench: Bench, peer: str = "etcd3") -> float:
    """All entries of a table of ten thousand."""
    table = Table("listed", "listed")
    for start in range(0, LISTED, 1000):
        bench.db.write([Write(Key(table, f"k{number}"), VALUE) for number in range(start, start + 1000)], bench.op())

    def ours() -> None:
        assert len(list(bench.db.scan(table))) == LISTED

    ours_spent, theirs = bench.beside(peer, "range", ours, times=3, rounds=6)
    return theirs.p50 / ours_spent.p50


def together(bench: Bench, peer: str = "etcd3") -> float:
    """A hundred puts in one transaction."""

    def ours() -> None:
        assert bench.db.commit([Write(Key(TABLE, f"c{number}"), VALUE) for number in range(TOGETHER)], {}, [], bench.op())

    ours_spent, theirs = bench.beside(peer, "together", ours, times=10, rounds=10)
    return theirs.p50 / ours_spent.p50


def watching(bench: Bench, peer: str = "etcd3") -> float:
    """Ten thousand changes, each told with its head, beside as many bare puts, by what the clients need of the processor.

    How fast they come is a matter of the server, which sends a thousand transactions of the past every 100 ms.
    """
    table = Table("watched", "watched")
    feed = bench.db.watch()
    begin = feed.position
    feed.close()
    for number in range(LISTED):
        bench.db.write([Write(Key(table, f"k{number}"), VALUE)], bench.op())

    def ours() -> None:
        with closing(bench.db.watch(begin)) as feed:
            feed.subscribe([Stream(table)])
            told = 0
            while told < LISTED + 1:
                told += len(feed.receive(10))

    ours_spent, theirs = bench.beside(peer, "watch", ours, times=2, rounds=6)
    return theirs.client / ours_spent.client


def bytes_an_entry(bench: Bench, server: EtcdServer, topic: str) -> float:
    """What an entry takes of the store when its history is forgotten."""
    table = Table(f"sized-{topic}", f"sized-{topic}")

    def size() -> int:
        bench.put("k")
        server.compact()
        server.ask("Maintenance", "Defragment", rpc.DefragmentRequest(), timeout=30)
        found: int = server.ask("Maintenance", "Status", rpc.StatusRequest()).dbSize
        return found

    before = size()
    for start in range(0, LISTED, 1000):
        numbers = range(start, start + 1000)
        bench.db.write([Write(Key(table, f"port-{number}"), VALUE, topic) for number in numbers], bench.op())
    return (size() - before) / LISTED


BESIDE_ETCD3: list[Least] = [
    # First, since the history that the others leave in the store takes time, of which the slower client notices less.
    Least("G13 etcd, all entries of 10^4 beside etcd3", listing, 4.0, 4.0),
    Least("G13 etcd, put beside etcd3", put, 1.0, 1.0),
    Least("G13 etcd, client for a put beside etcd3", put_cpu, 1.0, 1.0),
    Least("G13 etcd, put in a topic beside etcd3's put", put_in_topic, 1.0, 0.9),
    Least("G13 etcd, get beside etcd3", get, 1.0, 1.0),
    Least("G13 etcd, client for watching 10^4 changes beside etcd3", watching, 2.0, 2.0),
    Least("G13 etcd, 100 puts in a transaction beside etcd3", together, 1.0, 1.0),
]

BESIDE_ETCD3GW: list[Least] = [
    Least("G13 etcd, put beside etcd3gw", lambda bench: put(bench, "etcd3gw"), 4.0, 3.2),
    Least("G13 etcd, get beside etcd3gw", lambda bench: get(bench, "etcd3gw"), 4.0, 3.2),
    Least("G13 etcd, all entries of 10^4 beside etcd3gw", lambda bench: listing(bench, "etcd3gw"), 4.0, 3.2),
]
