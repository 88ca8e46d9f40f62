"""Entries beside keys of redis-py (G1 to G9)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from benchmarks.redis import dragonflow
from benchmarks.redis.rounds import TABLE, VALUE, Bench, faster, spent
from dfbackends.api import Expect, Key, Write
from dfbackends_redis.place import place

_OTHERS = 1_000_000
_LISTED = 10_000


def get(bench: Bench) -> float:
    """A get of the driver beside GET."""
    bench.put("k")
    bench.bare.set("k", VALUE)
    return faster(lambda: bench.db.read([Key(TABLE, "k")]), lambda: bench.bare.get("k"))


def get_cpu(bench: Bench) -> float:
    """Microseconds of the client for a get."""
    bench.put("k")
    [ours] = spent(lambda: bench.db.read([Key(TABLE, "k")]))
    return ours.client


def get_from_topic(bench: Bench) -> float:
    """A get of an entry whose topic is not told, beside GET, where there are others in many topics."""
    bench.fill(_LISTED)
    bench.bare.set("k", VALUE)
    return faster(lambda: bench.db.read([Key(TABLE, "k1")]), lambda: bench.bare.get("k"))


def put(bench: Bench) -> float:
    """A put with its revision, outcome and notice beside a bare SET."""
    return faster(lambda: bench.put("k"), lambda: bench.bare.set("k", VALUE))


def put_in_topic(bench: Bench) -> float:
    """The same with a topic, beside the same SET."""
    return faster(lambda: bench.put("k", "a"), lambda: bench.bare.set("k", VALUE))


def put_cpu(bench: Bench) -> float:
    """Microseconds of the client for a put."""
    [ours] = spent(lambda: bench.put("k"))
    return ours.client


def cost_on_cluster(cluster: Bench, single: Bench) -> float:
    """How many times the time of the client for a get on one server one on a cluster takes."""
    found = []
    for bench in (cluster, single):
        bench.put("k")
        found.append(min(get_cpu(bench) for _ in range(3)))
    return found[0] / found[1]


def threads(bench: Bench) -> float:
    """Gets of 16 threads beside as many by the pool of redis-py."""
    bench.put("k")
    bench.bare.set("k", VALUE)

    def rate(call: Callable[[], object]) -> float:
        def run() -> None:
            for _ in range(400):
                call()

        running = [threading.Thread(target=run) for _ in range(16)]
        began = time.perf_counter()
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        return 16 * 400 / (time.perf_counter() - began)

    found = [(rate(lambda: bench.db.read([Key(TABLE, "k")])), rate(lambda: bench.bare.get("k"))) for _ in range(5)]
    return max(ours for ours, _ in found) / max(theirs for _, theirs in found)


def many_reads(bench: Bench) -> float:
    """A hundred reads in one call beside MGET; on a cluster, where that does not go, beside what stands in for it there."""
    keys = bench.fill(100)
    names = [key.name for key in keys]
    for name in names:
        bench.bare.set(name, VALUE)
    theirs = getattr(bench.bare, "mget_nonatomic", bench.bare.mget)
    return faster(lambda: bench.db.read(keys), lambda: theirs(names), times=20)


class Listed:
    """A table of ten thousand on a server with a million other keys."""

    def __init__(self, bench: Bench) -> None:
        bench.bare.flushall()
        bench.fill(_LISTED)
        dragonflow.fill(bench.bare, "theirs", _LISTED, VALUE)
        for start in range(0, _OTHERS, 20_000):
            bench.bare.eval("for i = 1, 20000 do redis.call('SET', 'other-' .. ARGV[1] + i, i) end", 0, start)
        self._bench = bench
        self._records = place(TABLE).records

    def _list(self) -> None:
        assert len(list(self._bench.db.scan(TABLE))) == _LISTED

    def _values(self) -> None:
        assert len(self._bench.bare.hvals(self._records)) == _LISTED

    def _dragonflow(self) -> None:
        assert len(dragonflow.listed(self._bench.bare, "theirs")) == _LISTED

    def beside_values(self) -> tuple[float, float]:
        """Milliseconds until all entries are there, and how many times those of HVALS that is.

        HVALS brings no names, holds up the server, and leaves its answer unread.
        """
        ours, theirs = spent(self._list, self._values, times=5, rounds=10)
        return ours.p50 / 1000, ours.p50 / theirs.p50

    def beside_dragonflow(self) -> float:
        """How many times as long the steps of Dragonflow take."""
        [ours] = spent(self._list, times=5, rounds=10)
        [theirs] = spent(self._dragonflow, times=1, rounds=1)
        return theirs.p50 / ours.p50

    def step(self) -> float:
        """Milliseconds that a step takes the server, on average of the best listing."""
        steps = []
        for _ in range(10):
            self._bench.bare.config_resetstat()
            self._list()
            steps.append(float(self._bench.bare.info("commandstats")["cmdstat_hscan"]["usec_per_call"]))
        return min(steps) / 1000


def bytes_an_entry(bench: Bench) -> float:
    """What an entry of 348 bytes in a topic takes of the server's memory, with its place in the index."""
    bench.bare.flushall()
    bench.fill(_LISTED)
    home = place(TABLE)
    return sum(float(bench.bare.memory_usage(key, samples=0)) for key in (home.records, home.topics)) / _LISTED


def create_and_notify(bench: Bench) -> float:
    """A create that tells of itself beside SETNX and PUBLISH."""

    def theirs() -> None:
        [name] = bench.fresh()
        if bench.bare.setnx(name, VALUE):
            bench.bare.publish("c", VALUE)

    return faster(lambda: bench.put(bench.fresh()[0], "a", Expect.ABSENT), theirs)


def all_or_nothing(bench: Bench) -> float:
    """A hundred creates that are done together or not at all, beside MULTI, which undoes nothing."""

    def ours() -> None:
        writes = [Write(Key(TABLE, name), VALUE, "", Expect.ABSENT) for name in bench.fresh(100)]
        assert bench.db.commit(writes, {}, [], bench.op())

    def theirs() -> None:
        pipe = bench.bare.pipeline(transaction=True)
        for name in bench.fresh(100):
            pipe.set(name, VALUE)
        pipe.execute()

    return faster(ours, theirs, times=15)
