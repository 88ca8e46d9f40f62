"""Calls of the driver and of other clients that take turns, so that what else the machine does falls on all of them."""

from __future__ import annotations

import gc
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median
from typing import Any

from benchmarks.etcd.peer import VALUE
from dfbackends.api import Expect, Key, OpId, Table, Write
from dfbackends.config import from_url
from dfbackends.opening import opened_driver
from dfbackends.url import parse

TABLE = Table("bench", "bench")


class Spent:
    """What calls have taken: of time each, and of the processor in all."""

    def __init__(self) -> None:
        self.walls: list[float] = []
        self.processor = 0.0

    @property
    def p50(self) -> float:
        """Microseconds that half of the calls took at most."""
        return median(self.walls) * 1e6

    @property
    def client(self) -> float:
        """Microseconds of the client on the processor for a call."""
        return self.processor / len(self.walls) * 1e6


class Peer:
    """Another client, in its own process."""

    def __init__(self, name: str, host: str, port: int) -> None:
        environment = {**os.environ, "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python", "no_proxy": host}
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.etcd.peer", name, host, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def run(self, what: str, times: int, spent: Spent) -> None:
        """Let it do something so often."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{what} {times}\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        spent.walls += told["walls"]
        spent.processor += told["client"]

    def close(self) -> None:
        """End it."""
        with self._process:
            assert self._process.stdin
            self._process.stdin.close()


class Bench:
    """The driver and the other clients, on the server of a URL."""

    def __init__(self, url: str) -> None:
        settings = from_url(parse(url))
        host, _, port = parse(url).address.hosts.partition(":")
        self.db: Any = opened_driver(settings.db, 10.0)
        self.peers = {name: Peer(name, host, int(port)) for name in ("etcd3", "etcd3gw") if find_spec(name) is not None}
        self._number = time.time_ns()

    def op(self) -> OpId:
        """Return the id of an operation."""
        self._number += 1
        return OpId(f"bench-{self._number}")

    def fresh(self) -> str:
        """Return a name that nobody has used."""
        self._number += 1
        return f"n{self._number}"

    def put(self, name: str, topic: str = "", expect: Expect = Expect.ANY) -> None:
        """Write one entry by the driver."""
        self.db.write([Write(Key(TABLE, name), VALUE, topic, expect)], self.op())

    def close(self) -> None:
        """Close all."""
        self.db.close()
        for peer in self.peers.values():
            peer.close()

    def beside(
        self, peer: str, what: str, ours: Callable[[], object], *, times: int = 50, rounds: int = 20
    ) -> tuple[Spent, Spent]:
        """Return what a call of ours takes, and what that of a peer does; they take turns in an order of chance."""
        mine, other = Spent(), Spent()

        def run() -> None:
            client = time.process_time()
            for _ in range(times):
                began = time.perf_counter()
                ours()
                mine.walls.append(time.perf_counter() - began)
            mine.processor += time.process_time() - client

        gc.collect()
        gc.freeze()
        for _ in range(rounds):
            for turn in random.sample((True, False), 2):
                if turn:
                    run()
                else:
                    self.peers[peer].run(what, times, other)
        gc.unfreeze()
        return mine, other
