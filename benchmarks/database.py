"""What ``Database`` adds to its driver, in microseconds a call (G18): encoding, names, tables, outcomes.

Run it as ``python -m benchmarks.database``. Driver and database take turns, so that both see the same machine.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import dfbackends
from dfbackends import codec
from dfbackends.api import DbApi, Key, OpId, Table, Write
from dfbackends.drivers.memory import MemoryDb, shared

DOCUMENT: dict[str, Any] = {
    "id": "6d9f2b3e-8a43-4a3c-9c55-2b7d5a0f4f10",
    "mac": "fa:16:3e:8c:84:14",
    "ips": ["10.0.0.5", "fd00::5"],
    "lswitch": "0f5e7c1a-54f1-4a55-8f0e-6b8ff1f2b7a9",
    "chassis": "compute-17.example.org",
    "enabled": True,
    "version": 12,
    "device_owner": "compute:nova",
    "security_groups": ["b7c0b1d2-8d3f-4d57-9b0e-0d1c5e1b6a7f"],
    "binding": {"type": "ovs", "mtu": 1450, "profile": None},
}

GET_ADDS = 8.0
PUT_ADDS = 12.0

ROUNDS = 41
CALLS = 500


class Cost(NamedTuple):
    """Microseconds that the database adds to a get and to a put of the driver."""

    get: float
    put: float


def measure() -> Cost:
    """Return the medians of the differences over all rounds."""
    driver: DbApi = MemoryDb(shared("benchmark"))
    backend = dfbackends.assemble(driver)
    key = Key(Table("/bench", "/bench"), "k")
    data = codec.encode(DOCUMENT, 1 << 20)
    numbers = itertools.count()
    db = backend.db
    db.put("bench", "k", DOCUMENT)
    gets, puts = [], []
    for _ in range(ROUNDS):
        gets.append(_per_call(lambda: db.get("bench", "k")) - _per_call(lambda: driver.read((key,))))
        puts.append(
            _per_call(lambda: db.put("bench", "k", DOCUMENT))
            - _per_call(lambda: driver.write((Write(key, data),), OpId(f"benchmark-{next(numbers)}")))
        )
    backend.close()
    return Cost(statistics.median(gets), statistics.median(puts))


def _per_call(call: Callable[[], object]) -> float:
    # The time of the processor, since nothing here waits and other processes may have the machine in between.
    began = time.thread_time()
    for _ in range(CALLS):
        call()
    return (time.thread_time() - began) / CALLS * 1e6


if __name__ == "__main__":
    cost = measure()
    print(f"claim: Database adds to a get: {cost.get:.1f} / at most {GET_ADDS:g} us")
    print(f"claim: Database adds to a put: {cost.put:.1f} / at most {PUT_ADDS:g} us")
