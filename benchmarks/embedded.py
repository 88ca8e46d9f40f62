"""The embedded drivers beside what they are built on, as ratios in one interleaved run (G14, G15, G16).

Run it as ``python -m benchmarks.embedded``. The raw statements are those that the driver sends, in the same layout of the
file, without expectations, outcomes looked up, identity of the file, or anything else that a driver is for.
"""

from __future__ import annotations

import itertools
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from dfbackends.api import Key, Message, OpId, Table, Write
from dfbackends.drivers.memory import MemoryDb, shared
from dfbackends.drivers.sqlite import File, SqliteDb, SqlitePubSub, entry, outcome, writer
from dfbackends.drivers.sqlite.db import READ

VALUE = b"x" * 357
TABLE = Table("bench", "bench")
NAMES = [f"key-{number:06}" for number in range(2_000)]
ROUNDS = 15
CALLS = 1_000
BATCH = 100


class Figures(NamedTuple):
    """Gets a second, and ratios of rates."""

    memory_gets: float
    memory_to_dict: float
    sqlite_gets: float
    sqlite_get_to_raw: float
    sqlite_sets: float
    sqlite_set_to_raw: float
    sqlite_set_to_upsert: float
    sqlite_rows: float
    sqlite_rows_to_raw: float
    sqlite_rows_to_upsert: float


class Raw:
    """A connection as the driver has it, and the statements of the driver."""

    def __init__(self, path: Path) -> None:
        self._connection = File(str(path)).connect()
        self._names = itertools.cycle(NAMES)
        self._lane = secrets.token_hex(8)
        self._ops = itertools.count()

    def get(self) -> None:
        """Read one entry."""
        self._connection.execute(READ, ("bench", next(self._names))).fetchone()

    def upsert(self, rows: int) -> None:
        """Store entries, and nothing else."""
        stored = [("bench", next(self._names), "", VALUE, 1) for _ in range(rows)]
        if rows == 1:
            self._connection.execute(entry.STORE, stored[0])
            return
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(entry.STORE, stored)
        self._connection.execute("COMMIT")

    def set(self, rows: int) -> None:
        """Do what the driver does for so many writes."""
        cursor = self._connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        last, number, _ = cursor.execute(writer.STATE).fetchone()
        names = [next(self._names) for _ in range(rows)]
        for name in names:
            cursor.execute(entry.FIND, ("bench", name)).fetchone()
        seq = max(last + 1, time.time_ns() // 1000)
        op = f"{self._lane}-{next(self._ops)}"
        cursor.executemany(entry.STORE, [("bench", name, "", VALUE, seq + i) for i, name in enumerate(names)])
        cursor.executemany(
            entry.LOG, [(seq + i, number + i + 1, op, "bench", name, "", "", VALUE) for i, name in enumerate(names)]
        )
        cursor.execute(outcome.KEEP, (op, ",".join([str(seq + i) for i in range(rows)]), time.monotonic() + 100))
        cursor.execute("COMMIT")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def rates(subjects: Sequence[Callable[[], object]], calls: int) -> list[list[float]]:
    """Return the calls a second of each subject in each round; the subjects take turns."""
    found: list[list[float]] = [[] for _ in subjects]
    for number in range(ROUNDS + 1):
        for subject, mine in zip(subjects, found, strict=True):
            began = time.perf_counter()
            for _ in range(calls):
                subject()
            if number:
                mine.append(calls / (time.perf_counter() - began))
    return found


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the ratios of the rounds."""
    return statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))


def measure(folder: Path) -> Figures:
    """Return all rates of one run."""
    names, ops, lane = itertools.cycle(NAMES), itertools.count(), secrets.token_hex(8)

    def writes(rows: int) -> tuple[list[Write], OpId]:
        return [Write(Key(TABLE, next(names)), VALUE) for _ in range(rows)], OpId(f"{lane}-{next(ops)}")

    memory = MemoryDb(shared("benchmark"))
    plain, lock = dict.fromkeys(NAMES, VALUE), threading.Lock()
    memory.write([Write(Key(TABLE, name), VALUE) for name in NAMES], OpId("fill"))
    keys = itertools.cycle([[Key(TABLE, name)] for name in NAMES])

    def look_up() -> None:
        with lock:
            plain.get(next(names))

    memory_get, dict_get = rates([lambda: memory.read(next(keys)), look_up], 20 * CALLS)
    memory.close()

    db, raw, bare = (SqliteDb(File(str(folder / "driver.db"))), *(Raw(made(folder / name)) for name in ("raw.db", "bare.db")))
    db.write([Write(Key(TABLE, name), VALUE) for name in NAMES], OpId("fill"))
    raw.set(len(NAMES))
    bare.upsert(len(NAMES))
    get, raw_get = rates([lambda: db.read(next(keys)), raw.get], CALLS)
    sets, raw_set, upsert = rates([lambda: db.write(*writes(1)), lambda: raw.set(1), lambda: bare.upsert(1)], CALLS)
    batches = [lambda: db.write(*writes(BATCH)), lambda: raw.set(BATCH), lambda: bare.upsert(BATCH)]
    rows, raw_rows, upsert_rows = rates(batches, CALLS // BATCH * 5)
    for handle in (db, raw, bare):
        handle.close()
    return Figures(
        statistics.median(memory_get),
        ratio(memory_get, dict_get),
        statistics.median(get),
        ratio(get, raw_get),
        statistics.median(sets),
        ratio(sets, raw_set),
        ratio(sets, upsert),
        statistics.median(rows) * BATCH,
        ratio(rows, raw_rows),
        ratio(rows, upsert_rows),
    )


def made(path: Path) -> Path:
    """Make an empty store."""
    File(str(path)).prepare()
    return path


_LISTEN = """
import sys, time
from dfbackends.api import Message
from dfbackends.drivers.sqlite import File, SqlitePubSub
pubsub = SqlitePubSub(File(sys.argv[1]))
feed = pubsub.listen()
feed.subscribe(["bench"])
feed.receive(1.0)
print("ready", flush=True)
while True:
    for message in feed.receive(1.0):
        now = time.monotonic_ns()
        print((now - int(message.data)) / 1000, flush=True)
"""


def notice(folder: Path, *, messages: int = 300) -> float:
    """Return the median of the microseconds from before ``publish`` until another process has the message."""
    path = folder / "notice.db"
    pubsub = SqlitePubSub(File(str(path)))
    with subprocess.Popen([sys.executable, "-c", _LISTEN, str(path)], stdout=subprocess.PIPE, text=True) as listener:
        assert listener.stdout is not None
        listener.stdout.readline()
        found = []
        for _ in range(messages):
            pubsub.publish([Message("bench", b"%d" % time.monotonic_ns())])
            found.append(float(listener.stdout.readline()))
        listener.kill()
    pubsub.close()
    return statistics.median(found)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        figures = measure(Path(name))
        print(f"claim: memory, gets a second: {figures.memory_gets:,.0f} / at least 500,000")
        print(f"memory, get beside a dict with a lock: {figures.memory_to_dict:.2f}")
        print(f"claim: sqlite, get beside raw sqlite3: {figures.sqlite_get_to_raw:.2f} / at least 0.8")
        print(f"claim: sqlite, set beside the same statements raw: {figures.sqlite_set_to_raw:.2f} / at least 0.8")
        print(f"claim: sqlite, rows of batches beside the same raw: {figures.sqlite_rows_to_raw:.2f} / at least 0.8")
        print(f"claim: sqlite, notice to another process: {notice(Path(name)):.0f} / at most 400 us")
        print(f"sqlite, a second: gets {figures.sqlite_gets:,.0f}, sets {figures.sqlite_sets:,.0f}, ", end="")
        print(f"rows in batches of {BATCH} {figures.sqlite_rows:,.0f}")
        print(f"sqlite beside a bare upsert without log and outcome: set {figures.sqlite_set_to_upsert:.2f}, ", end="")
        print(f"rows in batches {figures.sqlite_rows_to_upsert:.2f}")
