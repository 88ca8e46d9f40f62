"""The database side of a store in memory."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence

from dfbackends.api import (
    Change,
    DbApi,
    Expect,
    Feed,
    Fence,
    Key,
    Message,
    OpId,
    Position,
    Record,
    Stream,
    Table,
    Transactional,
    Watching,
    Write,
)
from dfbackends.drivers.memory.feed import ChangeFeed
from dfbackends.drivers.memory.handle import Handle

_STEP = 1000


class MemoryDb(Handle, DbApi, Transactional, Watching):
    """The database side of a store."""

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        store = self._store
        tables = store.tables
        with store.lock:
            return [tables[table].get(name) if table in tables else None for table, name in keys]

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        store = self._store
        with store.lock:
            if store.fences.get(op) is not None:
                return [None] * len(writes)
            if (known := store.done.get(op)) is not None:
                return list(known)
            revisions = [store.put(write, op) if store.meets(write.key, write.expect) else None for write in writes]
            if revisions.count(None) < len(revisions):
                store.done.keep(op, tuple(revisions))
                store.changed.notify_all()
            return revisions

    def commit(
        self, writes: Sequence[Write], checks: Mapping[Key, Expect | int], messages: Sequence[Message], op: OpId
    ) -> list[int] | None:
        store = self._store
        with store.lock:
            if store.fences.get(op) is not None:
                return None
            if (known := store.done.get(op)) is not None:
                return [revision for revision in known if revision is not None]
            expected = [*checks.items(), *((write.key, write.expect) for write in writes)]
            if not all(store.meets(key, expect) for key, expect in expected):
                return None
            revisions = [store.put(write, op) for write in writes]
            for message in messages:
                store.send(message)
            store.done.keep(op, tuple(revisions))
            store.changed.notify_all()
            return revisions

    def cancel(self, keys: Sequence[Key], op: OpId) -> list[int | None | Fence]:
        store = self._store
        with store.lock:
            if (known := store.done.get(op)) is not None:
                return list(known)
            store.fences.keep(op, ())
            return [Fence.NEVER] * len(keys)

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        store = self._store
        with store.lock:
            entries = store.tables.get(table, {}) if topic is None else store.topics.get(Stream(table, topic), {})
            return iter(list(entries.items()))

    def drop(self, table: Table) -> None:
        names = [name for name, _ in self.scan(table)]
        for start in range(0, len(names), _STEP):
            step = names[start : start + _STEP]
            self.write([Write(Key(table, name), None) for name in step], OpId(uuid.uuid4().hex))

    def heads(self, streams: Sequence[Stream]) -> list[str]:
        store = self._store
        with store.lock:
            return [store.heads.get(stream, "") for stream in streams]

    def watch(self, after: Position | None = None) -> Feed[Stream, Change]:
        return ChangeFeed(self._store, after)
