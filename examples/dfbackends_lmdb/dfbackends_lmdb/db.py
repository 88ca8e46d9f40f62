"""The entries of an LMDB environment. What is kept has a place there, which is how its keys begin."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import count, islice, takewhile
from typing import Any

import lmdb

from dfbackends.api import DbApi, Expect, Fence, Key, Limits, Message, OpId, Record, Table, Transactional, Write
from dfbackends_lmdb.handle import ERRORS, Handle


def place(*names: str | None) -> bytes:
    """Return a place. It is a digest, since keys have 511 bytes, and names may be long."""
    return blake2b(json.dumps(names).encode(), digest_size=32).digest()


_LAST, _OUTCOMES, _AGES = place("last"), place("outcomes"), place("ages")


def names(txn: lmdb.Transaction[bytes], where: bytes) -> Iterator[bytes]:
    """Yield what stands behind a place in the keys, in order."""
    cursor = txn.cursor()
    if cursor.set_range(where):
        keys = takewhile(lambda key: key.startswith(where), cursor.iternext(values=False))
        yield from (key[len(where) :] for key in keys)


def find(txn: lmdb.Transaction[bytes], key: Key) -> Record | None:
    """Return a record, which is stored as revision and topic in JSON, a line feed, and the value."""
    head, _, value = txn.get(place(key.table.name, None) + key.name.encode(), b"").partition(b"\n")
    return Record(value, *json.loads(head)) if head else None


def meets(record: Record | None, expect: Expect | int) -> bool:
    """Return whether an expectation holds."""
    return expect in ((Expect.ANY, Expect.ABSENT) if record is None else (Expect.ANY, Expect.PRESENT, record.revision))


def do(txn: lmdb.Transaction[bytes], write: Write, revision: int) -> int:
    """Do a write, and return its revision. Its name is in the place of its topic, too."""
    (table, name), value, topic, _ = write
    key, before = name.encode(), find(txn, write.key)
    if before is not None and before.topic:
        txn.delete(place(table.name, before.topic) + key)
    txn.delete(place(table.name, None) + key)
    if value is not None:
        txn.put(place(table.name, None) + key, json.dumps((revision, topic)).encode() + b"\n" + value)
        if topic:
            txn.put(place(table.name, topic) + key, b"")
    return revision


def keep(txn: lmdb.Transaction[bytes], op: OpId, revisions: Sequence[int | None], seconds: float) -> None:
    """Record the revisions of an operation for a time, none where it was cancelled, and forget older ones."""
    now, until = (int(1e6 * (time.time() + ahead)).to_bytes(8, "big") for ahead in (0, seconds))
    txn.put(_OUTCOMES + op.encode(), json.dumps(revisions).encode())
    txn.put(_AGES + until + op.encode(), b"")
    for age in [age for age in islice(names(txn, _AGES), 4) if age < now]:
        txn.delete(_AGES + age)
        txn.delete(_OUTCOMES + age[8:])


class LmdbDb(Handle, DbApi, Transactional):
    """The database side."""

    errors = ERRORS
    limits = Limits(name=511 - len(_LAST))

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        with self._transaction() as txn:
            return [find(txn, key) for key in keys]

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        return self._written(writes, op) or [None] * len(writes)

    def commit(
        self, writes: Sequence[Write], checks: Mapping[Key, Expect | int], messages: Sequence[Message], op: OpId
    ) -> list[int] | None:
        return self._written(writes, op, checks)  # There are no messages: the core keeps them in a table.

    def _written(self, writes: Sequence[Write], op: OpId, checks: Mapping[Key, Any] | None = None) -> list[Any] | None:
        with self._transaction(write=True) as txn:
            revisions = json.loads(txn.get(_OUTCOMES + op.encode(), b"null"))
            if revisions is not None:
                return revisions or None
            good = [meets(find(txn, write.key), write.expect) for write in writes]
            if checks is not None and not all([*good, *(meets(find(txn, key), checks[key]) for key in checks)]):
                return None
            free = count(max(int.from_bytes(txn.get(_LAST, b""), "big") + 1, time.time_ns() // 1000))
            revisions = [do(txn, write, next(free)) if holds else None for write, holds in zip(writes, good, strict=True)]
            if any(good):
                txn.put(_LAST, next(free).to_bytes(8, "big"))
                keep(txn, op, revisions, self._seconds)
            return revisions

    def cancel(self, keys: Sequence[Key], op: OpId) -> list[int | None | Fence]:
        with self._transaction(write=True) as txn:
            revisions = json.loads(txn.get(_OUTCOMES + op.encode(), b"null"))
            if revisions is None:
                keep(txn, op, [], max(3600, self._seconds))
            return revisions or [Fence.NEVER] * len(keys)

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        with self._transaction() as txn:
            keys = [Key(table, name.decode()) for name in names(txn, place(table.name, topic))]
            return iter([(key.name, record) for key in keys if (record := find(txn, key)) is not None])

    def drop(self, table: Table) -> None:
        found = [name for name, _ in self.scan(table)]
        for start in range(0, len(found), 100):
            self.write([Write(Key(table, name), None) for name in found[start : start + 100]], OpId(uuid.uuid4().hex))
