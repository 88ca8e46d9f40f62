"""Messages beside those of redis-py (G10 to G12), and what a client keeps open."""

from __future__ import annotations

import json
import socket
import threading
import time
from statistics import median
from typing import Any

from benchmarks.redis.rounds import VALUE, Bench, faster
from dfbackends.api import Message
from dfbackends.pubsub import PubSub
from dfbackends_redis.resp import INCOMPLETE, pack, reader

_WAITING = 20_000
_A_SECOND = 1000
_TIMED = 500


def publish(bench: Bench) -> float:
    """A hundred messages in one call beside a pipeline."""
    messages = [Message("t", VALUE)] * 100

    def theirs() -> None:
        pipe = bench.bare.pipeline(transaction=False)
        for _ in messages:
            pipe.publish("t", VALUE)
        pipe.execute()

    return faster(lambda: bench.pubsub.publish(messages), theirs, times=10)


def reading(bench: Bench) -> float:
    """Microseconds of the processor from the socket to a message for the core; they wait in the server until they are read."""
    feed = bench.pubsub.listen()
    feed.subscribe(["g11"])
    while not feed.receive(1):
        pass
    for _ in range(_WAITING // 500):
        bench.pubsub.publish([Message("g11", VALUE)] * 500)
    cpu, got = time.thread_time(), 0
    while got < _WAITING:
        got += len(feed.receive(1))
    cpu = time.thread_time() - cpu
    feed.close()
    return cpu / _WAITING * 1e6


class _Times:
    """How long messages were under way, each of which tells when it was sent."""

    def __init__(self) -> None:
        self._found: list[float] = []
        self._all = threading.Event()

    def take(self, sent: float) -> None:
        """Take one in."""
        self._found.append(time.perf_counter() - sent)
        if len(self._found) == _TIMED:
            self._all.set()

    def p50(self) -> float:
        """Wait for all of them."""
        assert self._all.wait(30)
        return median(self._found)


def latency(bench: Bench) -> float:
    """The time to a handler at a thousand a second, with queue and thread, beside that to one who reads the socket himself."""
    with bench.opened() as publisher:
        found = [(_handled(bench, publisher.pubsub), _inline(bench, publisher.pubsub)) for _ in range(3)]
    return min(ours for ours, _ in found) / min(theirs for _, theirs in found)


def _send(pubsub: PubSub) -> None:
    began = time.perf_counter()
    for number in range(_TIMED):
        time.sleep(max(0.0, began + number / _A_SECOND - time.perf_counter()))
        pubsub.publish("g12", {"at": time.perf_counter()})


def _handled(bench: Bench, publisher: PubSub) -> float:
    times = _Times()
    with bench.opened() as backend:
        backend.pubsub.subscribe("g12", lambda _topic, data: times.take(data["at"]), on_loss=lambda _subscription, _loss: None)
        _send(publisher)
        return times.p50()


def _inline(bench: Bench, publisher: PubSub) -> float:
    times = _Times()
    line, replies = socket.create_connection(bench.address), reader()
    line.sendall(pack(("PSUBSCRIBE", "*g12")))
    replies.feed(line.recv(65_536))
    assert replies.gets()[0] == b"psubscribe"

    def read() -> None:
        for _ in range(_TIMED):
            while (reply := replies.gets()) is INCOMPLETE:
                replies.feed(line.recv(65_536))
            times.take(json.loads(reply[3][1:])["d"]["at"])

    thread = threading.Thread(target=read)
    thread.start()
    _send(publisher)
    thread.join()
    line.close()
    return times.p50()


class Kept:
    """What a client has open, and how many threads it runs."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def _lines(self) -> int:
        return sum(line["name"].startswith("dfb-") for line in self._bench.bare.client_list())

    def idle(self) -> tuple[float, float]:
        """Connections and threads of a client that has a subscription and does nothing."""
        lines, threads = self._lines(), threading.active_count()
        with self._bench.opened() as backend:
            backend.db.put("t", "k", 1)
            backend.pubsub.publish("a", 1)
            backend.pubsub.subscribe("a", lambda _topic, _data: None, on_loss=lambda _subscription, _loss: None)
            return self._lines() - lines, threading.active_count() - threads

    def busy(self, count: int = 16) -> float:
        """Connections of a client by which so many threads read at once, and nothing else."""
        lines = self._lines()
        with self._bench.opened() as backend:
            backend.db.put("t", "k", 1)
            running = [threading.Thread(target=self._read, args=(backend,)) for _ in range(count)]
            for thread in running:
                thread.start()
            found = 0
            while any(thread.is_alive() for thread in running):
                found = max(found, self._lines() - lines)
            return found

    @staticmethod
    def _read(backend: Any) -> None:
        for _ in range(300):
            backend.db.get("t", "k")
