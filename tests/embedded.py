"""The embedded drivers, opened for a test and closed after it."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from dfbackends.api import DbApi, Feed, Key, OpId, Record, Stream, Table, Write
from dfbackends.drivers.memory import MemoryDb, MemoryPubSub, Store, handle, shared
from dfbackends.drivers.sqlite import File, SqliteDb, SqlitePubSub, Trim, faults

ROOT = Path(__file__).parents[1]
"""Where another process that imports this module has to start."""

TABLE = Table("t", "t")
KEY = Key(TABLE, "k")
ALL = Stream(TABLE)

Db = MemoryDb | SqliteDb
PubSub = MemoryPubSub | SqlitePubSub


def op() -> OpId:
    return OpId(secrets.token_hex(16))


def put(db: DbApi, key: Key, value: bytes = b"v", topic: str = "") -> int:
    [revision] = db.write([Write(key, value, topic)], op())
    assert revision is not None
    return revision


def delete(db: DbApi, key: Key) -> int:
    [revision] = db.write([Write(key, None)], op())
    assert revision is not None
    return revision


def get(db: DbApi, key: Key) -> Record | None:
    [record] = db.read([key])
    return record


def fill(db: DbApi, value: bytes) -> list[str]:
    """Add entries until there is no room for more; return their names."""
    written: list[str] = []
    with contextlib.suppress(sqlite3.OperationalError):
        while len(written) < 100_000:
            name = f"filling {len(written)}"
            put(db, Key(TABLE, name), value)
            written.append(name)
    return written


def received(feed: Feed[Any, Any], count: int) -> list[Any]:
    """Return the next events, ``count`` of them."""
    events: list[Any] = []
    until = time.monotonic() + 10
    while len(events) < count:
        assert time.monotonic() < until, events
        events += feed.receive(0.1)
    assert len(events) == count, events
    return events


def subscribed(feed: Feed[Any, Any], *topics: Any) -> Feed[Any, Any]:
    feed.subscribe(topics)
    received(feed, len(topics))
    return feed


def eventually(holds: Callable[[], object], within: float = 10.0) -> None:
    until = time.monotonic() + within
    while not holds():
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.005)


class Embedded(ABC):
    """One store, and the handles that a test opens of it. ``closed`` is what they raise after close."""

    closed: type[Exception]

    def __init__(self) -> None:
        self._opened = ExitStack()

    def db(self, *, log_rows: int = 10_000, keep: float = 100.0) -> Db:
        db = self._db(log_rows, keep)
        self._opened.callback(db.close)
        return db

    def pubsub(self, *, log_rows: int = 10_000) -> PubSub:
        pubsub = self._pubsub(log_rows)
        self._opened.callback(pubsub.close)
        return pubsub

    def watch(self, db: Db, *streams: Stream, after: Any = None) -> Feed[Any, Any]:
        return self._follow(db.watch(after), streams)

    def listen(self, pubsub: PubSub, *topics: str, after: Any = None) -> Feed[Any, Any]:
        return self._follow(pubsub.listen(after), topics)

    def _follow(self, feed: Feed[Any, Any], topics: Sequence[Any]) -> Feed[Any, Any]:
        self._opened.callback(feed.close)
        return subscribed(feed, *topics)

    def close(self) -> None:
        self._opened.close()

    @abstractmethod
    def _db(self, log_rows: int, keep: float) -> Db: ...

    @abstractmethod
    def _pubsub(self, log_rows: int) -> PubSub: ...


class InMemory(Embedded):
    closed = handle.HandleClosed

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.name = secrets.token_hex(8)
        self.held: Store | None = None

    def _store(self, log_rows: int, keep: float = 100.0) -> Store:
        # The largest figure holds: the first handle of a test decides.
        self.held = self.held or shared(self.name, log_rows=log_rows, keep=keep)
        return self.held

    def _db(self, log_rows: int, keep: float) -> Db:
        return MemoryDb(self._store(log_rows, keep))

    def _pubsub(self, log_rows: int) -> PubSub:
        return MemoryPubSub(self._store(log_rows))


class InFile(Embedded):
    closed = faults.HandleClosed

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.path = folder / "app.db"
        self.trim: dict[str, Any] = {}
        self.settings: dict[str, Any] = {}

    def file(self, **settings: Any) -> File:
        return File(str(self.path), **(self.settings | settings))

    def _db(self, log_rows: int, keep: float) -> Db:
        return SqliteDb(self.file(), Trim(rows=log_rows, keep=keep, **self.trim))

    def _pubsub(self, log_rows: int) -> PubSub:
        return SqlitePubSub(self.file(), Trim(rows=log_rows, **self.trim))


KINDS: dict[str, Callable[[Path], Embedded]] = {"memory": InMemory, "sqlite": InFile}
