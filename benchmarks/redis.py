"""The Redis drivers beside bare redis-py in the same run: ``python -m benchmarks.redis redis://127.0.0.1:6379 [row ...]``.

The server is emptied. Ratios count, since absolute figures move by a quarter from run to run.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import redis

import dfbackends
from dfbackends.api import Expect, Key, Message, OpId, Table, Write
from dfbackends.config import from_url
from dfbackends.opening import opened_driver
from dfbackends.url import parse

TABLE = Table("bench", "bench")
VALUE = b'{"id":"' + b"x" * 340 + b'"}'


class Measure:
    """Wall time of each call (p50) and processor time of this process."""

    def __init__(self) -> None:
        self.walls: list[float] = []
        self.cpu = 0.0

    def run(self, call: Callable[[], object], times: int) -> None:
        cpu = time.process_time()
        for _ in range(times):
            began = time.perf_counter()
            call()
            self.walls.append(time.perf_counter() - began)
        self.cpu += time.process_time() - cpu

    @property
    def p50(self) -> float:
        return median(self.walls) * 1e6

    @property
    def used(self) -> float:
        return self.cpu / len(self.walls) * 1e6


class Bench:
    def __init__(self, url: str) -> None:
        settings = from_url(parse(url))
        self.db: Any = opened_driver(settings.db, 10.0)
        assert settings.pubsub
        self.pubsub: Any = opened_driver(settings.pubsub, 10.0)
        host, _, port = parse(url).address.hosts.partition(":")
        self.bare = redis.Redis(host, int(port))
        self.bare.flushall()
        self.url = url
        self.number = 0

    def op(self) -> OpId:
        self.number += 1
        return OpId(f"bench-{self.number}")

    def put(self, expect: Expect = Expect.ANY, name: str = "k", topic: str = "") -> None:
        self.db.write([Write(Key(TABLE, name), VALUE, topic, expect)], self.op())


def interleaved(calls: dict[str, Callable[[], object]], times: int = 500, rounds: int = 12) -> dict[str, Measure]:
    found = {name: Measure() for name in calls}
    for _ in range(rounds):
        for name in random.sample(list(calls), len(calls)):
            found[name].run(calls[name], times)
    return found


def report(row: str, found: dict[str, Measure], per: int = 1) -> None:
    for name, measure in found.items():
        print(f"{row:4} {name:34} p50 {measure.p50:9.1f} us  cpu {measure.used:8.1f} us  {per / measure.p50 * 1e6:10.0f}/s")


def g1(bench: Bench) -> None:
    """get and put, one thread"""
    bench.put()
    bench.bare.set("k", VALUE)
    with dfbackends.open(bench.url) as backend:
        backend.db.put("t", "k", {"id": "x" * 340})
        report(
            "G1",
            interleaved(
                {
                    "redis-py GET": lambda: bench.bare.get("k"),
                    "redis-py SET": lambda: bench.bare.set("k", VALUE),
                    "driver read": lambda: bench.db.read([Key(TABLE, "k")]),
                    "driver write": lambda: bench.put(),
                    "driver write with topic": lambda: bench.put(name="kt", topic="a"),
                    "Database.get": lambda: backend.db.get("t", "k"),
                    "Database.put": lambda: backend.db.put("t", "k", {"id": "x" * 340}),
                }
            ),
        )


def g3(bench: Bench) -> None:
    """16 threads reading"""

    def rate(call: Callable[[], object]) -> float:
        def run() -> None:
            for _ in range(1500):
                call()

        threads = [threading.Thread(target=run) for _ in range(16)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return 16 * 1500 / (time.perf_counter() - began)

    bench.put()
    bench.bare.set("k", VALUE)
    for _ in range(3):
        theirs, ours = rate(lambda: bench.bare.get("k")), rate(lambda: bench.db.read([Key(TABLE, "k")]))
        print(f"G3   redis-py {theirs:8.0f}/s   driver {ours:8.0f}/s")


def g4(bench: Bench) -> None:
    """100 reads in one call"""
    keys = [Key(TABLE, f"k{number}") for number in range(100)]
    bench.db.write([Write(key, VALUE) for key in keys], bench.op())
    names = [f"k{number}" for number in range(100)]
    bench.bare.mset(dict.fromkeys(names, VALUE))
    found = interleaved({"redis-py MGET": lambda: bench.bare.mget(names), "driver": lambda: bench.db.read(keys)}, 100)
    report("G4", found, 100)


def g5(bench: Bench) -> None:
    """all entries of a table of 10^4"""
    for start in range(0, 10_000, 1000):
        bench.db.write(
            [Write(Key(TABLE, f"k{n}"), VALUE, "a" if n % 2 else "b") for n in range(start, start + 1000)], bench.op()
        )
    key = next(key for key in bench.bare.scan_iter(match="*r:bench"))
    found = interleaved(
        {
            "redis-py HVALS": lambda: bench.bare.hvals(key),
            "driver scan": lambda: list(bench.db.scan(TABLE)),
            "driver scan, a topic of 5000": lambda: list(bench.db.scan(TABLE, "a")),
        },
        5,
        6,
    )
    report("G5", found)
    print("G7   bytes an entry:", (bench.bare.memory_usage(key, samples=0) or 0) / 10_000)


def g8(bench: Bench) -> None:
    """create-if-absent and notify"""
    numbers = iter(range(10_000_000))
    script = bench.bare.register_script(
        "if redis.call('SETNX', KEYS[1], ARGV[1]) == 1 then redis.call('PUBLISH', 'c', ARGV[1]) end"
    )
    report(
        "G8",
        interleaved(
            {
                "redis-py SETNX, PUBLISH": lambda: (
                    bench.bare.setnx(f"n{next(numbers)}", VALUE),
                    bench.bare.publish("c", VALUE),
                ),
                "redis-py EVALSHA": lambda: script(keys=[f"n{next(numbers)}"], args=[VALUE]),
                "driver create": lambda: bench.put(Expect.ABSENT, f"n{next(numbers)}", "a"),
                "driver commit with a message": lambda: bench.db.commit(
                    [Write(Key(TABLE, f"n{next(numbers)}"), VALUE, "a", Expect.ABSENT)], {}, [Message("a", VALUE)], bench.op()
                ),
            }
        ),
    )


def g9(bench: Bench) -> None:
    """100 creates, all or nothing"""
    numbers = iter(range(10_000_000))

    def commit() -> None:
        writes = [Write(Key(TABLE, f"m{next(numbers)}"), VALUE, "", Expect.ABSENT) for _ in range(100)]
        assert bench.db.commit(writes, {}, [], bench.op())

    def multi() -> None:
        pipe = bench.bare.pipeline(transaction=True)
        for _ in range(100):
            pipe.set(f"m{next(numbers)}", VALUE)
        pipe.execute()

    report("G9", interleaved({"redis-py MULTI": multi, "driver commit": commit}, 30), 100)


def g10(bench: Bench) -> None:
    """publish, batched"""
    messages = [Message("t", VALUE)] * 100

    def pipeline() -> None:
        pipe = bench.bare.pipeline(transaction=False)
        for _ in range(100):
            pipe.publish("t", VALUE)
        pipe.execute()

    report(
        "G10", interleaved({"redis-py pipeline": pipeline, "driver publish": lambda: bench.pubsub.publish(messages)}, 60), 100
    )


def g11(bench: Bench) -> None:
    """messages to a reader: they wait in the server's buffers until they are read"""
    count, messages = 20_000, [Message("g11", VALUE)] * 500

    def send() -> None:
        for _ in range(count // 500):
            bench.pubsub.publish(messages)

    for _ in range(3):
        feed = bench.pubsub.listen()
        feed.subscribe(["g11"])
        while not feed.receive(1):
            pass
        send()
        cpu, got = time.process_time(), 0
        while got < count:
            got += len(feed.receive(1))
        ours = (time.process_time() - cpu) / count * 1e6
        feed.close()
        plain = bench.bare.pubsub()
        plain.subscribe("dfb:m:g11")
        plain.parse_response()
        send()
        cpu = time.process_time()
        for _ in range(count):
            plain.parse_response()
        theirs = (time.process_time() - cpu) / count * 1e6
        plain.close()
        print(f"G11  redis-py parse_response {theirs:5.2f} us cpu a message   driver feed {ours:5.2f} us")


ROWS = {function.__name__: function for function in (g1, g3, g4, g5, g8, g9, g10, g11)}


def main() -> None:
    url, *rows = sys.argv[1:]
    bench = Bench(url)
    for row in rows or ROWS:
        print(ROWS[row].__doc__)
        ROWS[row](bench)
    bench.db.close()
    bench.pubsub.close()


if __name__ == "__main__":
    main()
