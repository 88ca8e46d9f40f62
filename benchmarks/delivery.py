"""What messages cost between a driver and a handler (G10, G11, G12), and what an idle line costs.

Run it as ``python -m benchmarks.delivery``. The driver is a list of batches, so that all the time is the core's: envelopes,
sequences, queues, threads, and JSON by the standard library, which is most of it for a large document.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, NamedTuple

from benchmarks.database import DOCUMENT
from dfbackends import envelope
from dfbackends.api import Alive, Confirmed, Denied, Feed, Message, Position, PubSubApi
from dfbackends.codec import decode, encode
from dfbackends.names import Namespace
from dfbackends.pubsub import PubSub
from dfbackends.retry import Patience

SMALL: dict[str, Any] = {"id": "6d9f2b3e", "up": True, "mtu": 1450}

SMALL_RATE = 200_000
LARGE_RATE = 100_000
SMALL_CPU = 5.0
HOP = 3.5
IDLE = 0.5

MESSAGES = 100_000
BATCH = 500


class Canned(PubSubApi, Feed[str, Message]):
    """A driver, and its one feed, that brings batches that were put into it."""

    errors = ()

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._batches: deque[list[Message | Confirmed[str] | Denied[str] | Alive]] = deque()
        self._closed = False
        self.received = 0.0

    def bring(self, *batches: Sequence[Message | Confirmed[str]]) -> None:
        with self._changed:
            self._batches.extend(map(list, batches))
            self._changed.notify_all()

    @property
    def position(self) -> Position | None:
        return None

    def publish(self, messages: Sequence[Message]) -> None:
        pass

    def listen(self, after: Position | None = None) -> Feed[str, Message]:
        return self

    def subscribe(self, topics: Sequence[str]) -> None:
        self.bring([Confirmed(topic) for topic in topics])

    def unsubscribe(self, topics: Sequence[str]) -> None:
        pass

    def receive(self, timeout: float) -> Sequence[Message | Confirmed[str] | Denied[str] | Alive]:
        with self._changed:
            self._changed.wait_for(lambda: self._batches or self._closed, timeout)
            if self._closed:
                raise ConnectionError
            self.received = time.perf_counter()
            return self._batches.popleft() if self._batches else []

    def probe(self) -> bool:
        return False

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Rate(NamedTuple):
    """Messages a second, and microseconds of the processor for each."""

    per_second: float
    cpu: float


class Hop(NamedTuple):
    """Medians in microseconds."""

    median: float
    by_hand: float

    @property
    def ratio(self) -> float:
        """How much longer it is than by hand."""
        return self.median / self.by_hand


def opened() -> tuple[Canned, PubSub]:
    driver = Canned()
    return driver, PubSub(driver, namespace=Namespace(""), patience=Patience())


def delivery(document: Any, messages: int = MESSAGES) -> Rate:
    """Return how fast messages go from the driver to a handler, decoded."""
    driver, pubsub = opened()
    done = threading.Event()
    left = messages

    def on_message(_topic: str, _data: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    pubsub.subscribe("t", on_message, on_loss=print, max_messages=messages, max_bytes=1 << 40)
    data = encode(document, 1 << 20)
    publisher = b"0" * 32
    # Fewer than the largest sum of all queues, whatever the document.
    sent = [
        Message("/t", envelope.message(publisher, number + 1, 0.001 if number else None, data)) for number in range(messages)
    ]
    cpu, began = time.process_time(), time.perf_counter()
    driver.bring(*[sent[start : start + BATCH] for start in range(0, messages, BATCH)])
    assert done.wait(60)
    took, used = time.perf_counter() - began, time.process_time() - cpu
    pubsub.close()
    return Rate(messages / took, used / messages * 1e6)


def hop(rate: int = 1000, messages: int = 500) -> Hop:
    """Return the median times from the reader to the handler, and by hand in turn, at a thousand messages a second.

    By hand: a thread that opens the envelope, and another, behind a bare queue, that decodes the data. A core that has slept
    for a millisecond runs either with cold caches; a bare queue hardly notices, and beside it that would be measured.
    """
    driver, pubsub = opened()
    times: list[float] = []
    pubsub.subscribe("t", lambda _topic, _data: times.append(time.perf_counter() - driver.received), on_loss=print)
    bare = Canned()
    by_hand: list[float] = []
    threads = _by_hand(bare, lambda: by_hand.append(time.perf_counter() - bare.received))
    data = encode(SMALL, 1 << 20)
    pause = threading.Event()
    for number in range(messages):
        message = Message("/t", envelope.message(b"0" * 32, number + 1, 0.001 if number else None, data))
        for side in (driver, bare):
            side.bring([message])
            pause.wait(1 / rate)
    bare.close()
    for thread in threads:
        thread.join(10)
    pubsub.close()
    return Hop(statistics.median(times) * 1e6, statistics.median(by_hand) * 1e6)


def _by_hand(driver: Canned, on_message: Callable[[], None]) -> list[threading.Thread]:
    queue: SimpleQueue[envelope.Envelope | None] = SimpleQueue()

    def read() -> None:
        with suppress(ConnectionError):
            while True:
                for message in driver.receive(1.0):
                    assert isinstance(message, Message)
                    queue.put(envelope.opened(message.data))
        queue.put(None)

    def handle() -> None:
        while received := queue.get():
            decode(received.data or b"")
            on_message()

    threads = [threading.Thread(target=read, daemon=True), threading.Thread(target=handle, daemon=True)]
    for thread in threads:
        thread.start()
    return threads


def publishing(document: Any, calls: int = 300, batch: int = 100) -> Rate:
    """Return how fast messages go to the driver, a hundred in a call."""
    _, pubsub = opened()
    items = [("t", document)] * batch
    cpu, began = time.process_time(), time.perf_counter()
    for _ in range(calls):
        pubsub.publish_many(items)
    took, used = time.perf_counter() - began, time.process_time() - cpu
    pubsub.close()
    return Rate(calls * batch / took, used / calls / batch * 1e6)


def idle(seconds: float = 2.0) -> float:
    """Return the per cent of a processor that an idle line with a subscription takes."""
    _, pubsub = opened()
    pubsub.subscribe("t", print, on_loss=print)
    before = time.process_time()
    threading.Event().wait(seconds)
    used = time.process_time() - before
    pubsub.close()
    return used / seconds * 100


def best(rates: Sequence[Rate]) -> Rate:
    """Return the one that the rest of the machine disturbed least."""
    return max(rates)


if __name__ == "__main__":
    for name, document, bound in (("small", SMALL, SMALL_RATE), ("352-byte", DOCUMENT, LARGE_RATE)):
        found = best([delivery(document) for _ in range(7)])
        print(f"claim: {name} messages to a handler: {found.per_second:,.0f} / at least {bound:,} a second")
        print(f"       {found.cpu:.1f} us of the processor for each")
        sent = best([publishing(document) for _ in range(7)])
        print(f"       {name} messages published, a hundred in a call: {sent.per_second:,.0f} a second, {sent.cpu:.1f} us each")
    times = hop()
    print(f"claim: from the reader to the handler: {times.ratio:.1f} / at most {HOP:g} times the same by hand")
    print(f"       median at 1,000 a second {times.median:.0f} us, by hand {times.by_hand:.0f} us")
    print(f"claim: an idle line: {idle():.2f} / at most {IDLE:g} % of a processor")
