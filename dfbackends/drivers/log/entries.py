"""Messages as entries of a store, under successive numbers.

A publisher adds the one behind the last, and expects it to be absent; so each number is one message, there is no hole between
two, and a message that is sent again after an error finds itself. An entry ``meta`` holds a random name of the log; its tail,
the lowest number that is kept, which rises before anything is removed; and the number below which everything was removed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from dfbackends.api import DbApi, Expect, Key, Message, OpId, Record, Table, Write

ID = 32
"""Bytes before the data of a message: who it is."""

_FAN = 16
_PART = 100


class Log:
    """The messages in a table of a store."""

    def __init__(self, db: DbApi, table: Table, rows: int) -> None:
        self._db = db
        self._table = table
        self._meta = Key(table, "meta")
        self._rows = rows

    def read(self, numbers: Iterable[int]) -> tuple[str, int, list[Record | None]]:
        """Return the name of the log, its tail, and the messages of the numbers, after creating a log that is missing."""
        keys = [self._meta, *(self._key(number) for number in numbers)]
        meta, *found = self._db.read(keys)
        while meta is None:
            self._db.write([Write(self._meta, f"{uuid.uuid4().hex} 1 1".encode(), expect=Expect.ABSENT)], _operation())
            meta, *found = self._db.read(keys)
        name, tail, _ = _fields(meta)
        return name, tail, found

    def end(self, start: int = 0) -> int:
        """Return the number behind the last message; ``start`` is one that is known to be no greater."""
        present, step, rising = start - 1, 1, True
        while True:
            numbers = [present + step * factor for factor in range(1, _FAN)]
            _, tail, found = self.read(numbers)
            if tail > present + 1:
                # What is missing below the tail was removed, and says nothing about the end.
                present, step, rising = tail - 1, 1, True
                continue
            there = [number for number, record in zip(numbers, found, strict=True) if record is not None]
            present = max(there, default=present)
            rising = rising and len(there) == len(numbers)
            if rising:
                step *= _FAN
            elif step == 1:
                return present + 1
            else:
                step //= _FAN

    def add(self, number: int, message: Message, name: str) -> bool:
        """Make a message the one of a number; return whether it is, by this call or by an earlier one."""
        value = name.encode() + message.data
        write = Write(self._key(number), value, message.topic, Expect.ABSENT)
        if self._db.write([write], OpId(f"{name}-{number}")) != [None]:
            return True
        _, _, [record] = self.read([number])
        return record is not None and record.value[:ID] == name.encode()

    def trim(self, end: int) -> None:
        """Remove the oldest messages where there are over an eighth more than are to be kept."""
        [meta] = self._db.read([self._meta])
        if meta is None:
            return
        name, tail, swept = _fields(meta)
        keep = max(end - self._rows, tail)
        if keep - swept <= self._rows // 8:
            return
        # Readers look at the tail to tell what was removed from what is not yet written.
        [revision] = self._mark(name, keep, swept, meta.revision)
        if revision is None:
            return
        for start in range(swept, keep, _PART):
            numbers = range(start, min(start + _PART, keep))
            self._db.write([Write(self._key(number), None) for number in numbers], _operation())
        self._mark(name, keep, keep, revision)

    def _mark(self, name: str, tail: int, swept: int, revision: int) -> list[int | None]:
        return self._db.write([Write(self._meta, f"{name} {tail} {swept}".encode(), expect=revision)], _operation())

    def _key(self, number: int) -> Key:
        return Key(self._table, f"{number:020}")


def _fields(meta: Record) -> tuple[str, int, int]:
    name, tail, swept = meta.value.decode().split()
    return name, int(tail), int(swept)


def _operation() -> OpId:
    return OpId(uuid.uuid4().hex)
