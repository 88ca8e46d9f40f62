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


MEMORY_GETS = 500_000
GET_TO_RAW = 0.8
SET_TO_RAW = 0.8
ROWS_TO_RAW = 0.8
NOTICE = 400.0


class Beside(NamedTuple):
    """Calls a second, and the medians over the rounds of what they are beside others."""

    rate: float
    to_raw: float
    to_upsert: float = 0.0


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


def memory_get() -> Beside:
    """Return gets a second of the driver in memory, beside a dict with a lock."""
    db = MemoryDb(shared(secrets.token_hex(8)))
    plain, lock = dict.fromkeys(NAMES, VALUE), threading.Lock()
    db.write([Write(Key(TABLE, name), VALUE) for name in NAMES], OpId("fill"))
    keys, names = itertools.cycle([[Key(TABLE, name)] for name in NAMES]), itertools.cycle(NAMES)

    def look_up() -> None:
        with lock:
            plain.get(next(names))

    ours, raw = rates([lambda: db.read(next(keys)), look_up], 20 * CALLS)
    db.close()
    return Beside(statistics.median(ours), ratio(ours, raw))


class Files:
    """A file for each of those who are compared, filled alike."""

    def __init__(self, folder: Path) -> None:
        name = secrets.token_hex(4)
        self.db = SqliteDb(File(str(folder / f"{name}-driver.db")))
        self.raw = Raw(made(folder / f"{name}-raw.db"))
        self.bare = Raw(made(folder / f"{name}-bare.db"))
        self._names, self._ops, self._lane = itertools.cycle(NAMES), itertools.count(), secrets.token_hex(8)
        self.set(len(NAMES))
        self.raw.set(len(NAMES))
        self.bare.upsert(len(NAMES))

    def set(self, rows: int) -> None:
        """Write so many entries by the driver."""
        op = OpId(f"{self._lane}-{next(self._ops)}")
        self.db.write([Write(Key(TABLE, next(self._names)), VALUE) for _ in range(rows)], op)

    def close(self) -> None:
        """Close all."""
        for handle in (self.db, self.raw, self.bare):
            handle.close()


def sqlite_get(folder: Path) -> Beside:
    """Return gets a second of the driver on SQLite, beside its statement."""
    files = Files(folder)
    keys = itertools.cycle([[Key(TABLE, name)] for name in NAMES])
    ours, raw = rates([lambda: files.db.read(next(keys)), files.raw.get], CALLS)
    files.close()
    return Beside(statistics.median(ours), ratio(ours, raw))


def sqlite_set(folder: Path, *, rows: int = 1) -> Beside:
    """Return rows a second that the driver on SQLite writes, so many in a call, beside its statements and a bare upsert."""
    files = Files(folder)
    subjects = [lambda: files.set(rows), lambda: files.raw.set(rows), lambda: files.bare.upsert(rows)]
    ours, raw, upsert = rates(subjects, CALLS // 2 if rows == 1 else CALLS // rows * 3)
    files.close()
    return Beside(statistics.median(ours) * rows, ratio(ours, raw), ratio(ours, upsert))


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


def main(folder: Path) -> None:
    """Print each figure beside its bound, and then what has none."""
    memory, get = memory_get(), sqlite_get(folder)
    one, many = sqlite_set(folder), sqlite_set(folder, rows=BATCH)
    print(f"claim: memory, gets a second: {memory.rate:,.0f} / at least {MEMORY_GETS:,}")
    print(f"claim: sqlite, get beside raw sqlite3: {get.to_raw:.2f} / at least {GET_TO_RAW}")
    print(f"claim: sqlite, set beside the same statements raw: {one.to_raw:.2f} / at least {SET_TO_RAW}")
    print(f"claim: sqlite, rows in batches beside the same raw: {many.to_raw:.2f} / at least {ROWS_TO_RAW}")
    print(f"claim: sqlite, notice to another process: {notice(folder):.0f} / at most {NOTICE:.0f} us")
    print(f"memory, get beside a dict with a lock: {memory.to_raw:.2f}")
    print(f"sqlite, a second: gets {get.rate:,.0f}, sets {one.rate:,.0f}, rows in batches of {BATCH} {many.rate:,.0f}")
    print(f"sqlite beside a bare upsert, without log and outcome: set {one.to_upsert:.2f}, rows {many.to_upsert:.2f}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
