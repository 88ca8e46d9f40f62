"""What a mirror costs: reading it (G17), keeping up with changes, and the memory of its entries.

Run it as ``python -m benchmarks.mirror``.
"""

from __future__ import annotations

import threading
import time
import tracemalloc
from typing import NamedTuple

import dfbackends
from benchmarks.database import DOCUMENT

READS = 500_000.0
"""Reads a second, at least."""

ENTRIES = 100_000
CHANGES = 2_000.0
"""Changes a second with which a mirror of so many entries keeps up, at least."""

LAG = 1.0
"""Seconds by which it may be behind at the end."""

MEMORY = 2_048.0
"""Bytes that an entry takes in a mirror before it is read, at most, with a document of 430 bytes."""

_CALLS = 200_000
_SECONDS = 5.0


class Pursuit(NamedTuple):
    """Changes a second that were written, and the seconds until the mirror had the last of them."""

    rate: float
    lag: float


def reads() -> float:
    """Return how many reads of one key a thread does in a second of the processor."""
    with dfbackends.open("memory:") as backend:
        backend.db.put("t", "k", DOCUMENT)
        with backend.mirror("t") as mirror:
            mirror.wait_synced(10)
            began = time.thread_time()
            for _ in range(_CALLS):
                mirror.get("k")
            return _CALLS / (time.thread_time() - began)


def pursuit() -> Pursuit:
    """Write changes at the pace that is promised beside a mirror of many entries."""
    with dfbackends.open("memory:") as backend:
        _fill(backend)
        told = threading.Event()

        def on_change(change: dfbackends.Changed) -> None:
            if change.key == "last":
                told.set()

        with backend.mirror("t", on_change=on_change) as mirror:
            mirror.wait_synced(60)
            began = time.monotonic()
            written = 0
            pace = threading.Event()
            while (passed := time.monotonic() - began) < _SECONDS:
                while written < passed * CHANGES:
                    backend.db.put("t", f"k{written % ENTRIES}", written)
                    written += 1
                pace.wait(0.005)
            rate = written / (time.monotonic() - began)
            ended = time.monotonic()
            backend.db.put("t", "last", 1)
            assert told.wait(60), "the mirror has not caught up"
            return Pursuit(rate, time.monotonic() - ended)


def memory() -> float:
    """Return the bytes that an entry takes in a mirror."""
    with dfbackends.open("memory:") as backend:
        _fill(backend)
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        with backend.mirror("t") as mirror:
            mirror.wait_synced(120)
            after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return (after - before) / ENTRIES


def _fill(backend: dfbackends.Backend) -> None:
    for start in range(0, ENTRIES, 1000):
        backend.db.put_many("t", {f"k{number}": DOCUMENT for number in range(start, start + 1000)})


if __name__ == "__main__":
    kept = pursuit()
    print(f"claim: reads of a mirror: {reads():.0f} / at least {READS:g} a second")
    print(f"claim: changes that a mirror of {ENTRIES} entries follows: {kept.rate:.0f} / at least {0.95 * CHANGES:g} a second")
    print(f"claim: seconds behind after that: {kept.lag:.3f} / at most {LAG:g}")
    print(f"claim: memory of an entry of a mirror: {memory():.0f} / at most {MEMORY:g} bytes")
