"""A database driver without any capability, over a dictionary: no transactions, no changes, and lists in small pages."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from dfbackends.api import DbApi, Expect, Key, Limits, OpId, Record, Table, Write
from dfbackends.errors import ErrorTable, Meaning, Refused, Unavailable

_PAGE = 100


class PoorStore:
    """What the handles of one store share."""

    def __init__(self) -> None:
        # Guards all below.
        self.lock = threading.Lock()
        self.tables: dict[Table, dict[str, Record]] = {}
        self.revision = 0


class Gone(Exception):
    """The handle was closed."""


class TooLarge(Exception):
    """Something is over a limit that the core had to check."""


class PoorDb(DbApi):
    """A handle on a store."""

    errors: ErrorTable = (
        Meaning(Gone, None, Unavailable, "unreachable"),
        Meaning(TooLarge, None, Refused, "protocol"),
    )
    limits = Limits(name=200, topic=100, value=64 * 1024, commit=16)

    def __init__(self, store: PoorStore) -> None:
        self._store: PoorStore | None = store

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        store = self._open()
        with store.lock:
            return [store.tables.get(key.table, {}).get(key.name) for key in keys]

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        store = self._open()
        if len(writes) > self.limits.commit or any(map(self._is_too_large, writes)):
            raise TooLarge
        with store.lock:
            return [_written(store, write) for write in writes]

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        last = ""
        while True:
            store = self._open()
            with store.lock:
                entries = store.tables.get(table, {})
                names = sorted(name for name, record in entries.items() if topic is None or record.topic == topic)
                page = [(name, entries[name]) for name in names[bisect_right(names, last) :][:_PAGE]]
            if not page:
                return
            yield from page
            last = page[-1][0]

    def drop(self, table: Table) -> None:
        store = self._open()
        with store.lock:
            store.tables.pop(table, None)

    def close(self) -> None:
        self._store = None

    def _is_too_large(self, write: Write) -> bool:
        limits = self.limits
        names = [write.key.name, write.key.table.name, write.key.table.partition]
        return (
            any(len(name.encode()) > limits.name for name in names)
            or len(write.topic.encode()) > limits.topic
            or (write.value is not None and len(write.value) > limits.value)
        )

    def _open(self) -> PoorStore:
        if self._store is None:
            raise Gone
        return self._store


def _written(store: PoorStore, write: Write) -> int | None:
    entries = store.tables.setdefault(write.key.table, {})
    if not _holds(write.expect, entries.get(write.key.name)):
        return None
    store.revision += 1
    if write.value is None:
        entries.pop(write.key.name, None)
    else:
        entries[write.key.name] = Record(write.value, store.revision, write.topic)
    return store.revision


def _holds(expect: Expect | int, record: Record | None) -> bool:
    if expect is Expect.ANY:
        return True
    if record is None:
        return expect is Expect.ABSENT
    return expect is Expect.PRESENT or expect == record.revision
