"""Calls that take turns, so that what else the machine does falls on all of them."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import redis

import dfbackends
from dfbackends.api import Expect, Key, OpId, Table, Write
from dfbackends.config import from_url
from dfbackends.opening import opened_driver
from dfbackends.url import parse

TABLE = Table("bench", "bench")
VALUE = b'{"id":"' + b"x" * 340 + b'"}'

Call = Callable[[], object]


class Bench:
    """The drivers, the backend, and redis-py, on the servers of a URL, which are emptied."""

    def __init__(self, url: str) -> None:
        target = parse(url)
        settings = from_url(target)
        assert settings.pubsub
        host, _, port = target.address.hosts.partition(",")[0].partition(":")
        self.url = url
        client: Any = redis.RedisCluster if target.name == "redis-cluster" else redis.Redis
        self.address = (host, int(port))
        self.bare = client(host=host, port=int(port))
        self.bare.flushall()
        self.db: Any = opened_driver(settings.db, 10.0)
        self.pubsub: Any = opened_driver(settings.pubsub, 10.0)
        self._number = 0

    def fresh(self, count: int = 1) -> list[str]:
        """Return names that nobody has used."""
        self._number += count
        return [f"n{number}" for number in range(self._number - count, self._number)]

    def op(self) -> OpId:
        """Return the id of an operation."""
        self._number += 1
        return OpId(f"bench-{self._number}")

    def put(self, name: str, topic: str = "", expect: Expect = Expect.ANY) -> None:
        """Write one entry by the driver."""
        self.db.write([Write(Key(TABLE, name), VALUE, topic, expect)], self.op())

    def fill(self, count: int) -> list[Key]:
        """Write so many entries, half of them in each of two topics, and return their keys."""
        keys = [Key(TABLE, f"k{number}") for number in range(count)]
        for start in range(0, count, 1000):
            part = enumerate(keys[start : start + 1000])
            self.db.write([Write(key, VALUE, "a" if number % 2 else "b") for number, key in part], self.op())
        return keys

    def opened(self) -> dfbackends.Backend:
        """Return a backend of one's own."""
        return dfbackends.open(self.url)

    def close(self) -> None:
        """Close all."""
        self.db.close()
        self.pubsub.close()
        self.bare.close()


class Spent:
    """What calls have taken in the best of their rounds: of time each, and of the processor in all.

    Another process that has the machine makes a round longer, never shorter.
    """

    def __init__(self) -> None:
        self._walls: list[float] = []
        self._clients: list[float] = []

    def run(self, call: Call, times: int) -> None:
        """Call it so often, which is a round."""
        client = time.thread_time()
        walls = []
        for _ in range(times):
            began = time.perf_counter()
            call()
            walls.append(time.perf_counter() - began)
        self._clients.append((time.thread_time() - client) / times)
        self._walls.append(median(walls))

    @property
    def p50(self) -> float:
        """Microseconds that half of the calls took at most."""
        return min(self._walls) * 1e6

    @property
    def client(self) -> float:
        """Microseconds of this thread on the processor for a call."""
        return min(self._clients) * 1e6


def spent(*calls: Call, times: int = 100, rounds: int = 20) -> list[Spent]:
    """Return what each call takes; they take turns in an order of chance."""
    found = [Spent() for _ in calls]
    # What else is in memory, as the modules of a test run, is not to be searched at the expense of these calls.
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        for number in random.sample(range(len(calls)), len(calls)):
            found[number].run(calls[number], times)
    gc.unfreeze()
    return found


def faster(ours: Call, theirs: Call, *, times: int = 100) -> float:
    """Return how many times as long theirs takes, by the medians of the best rounds."""
    mine, other = spent(ours, theirs, times=times)
    return other.p50 / mine.p50
