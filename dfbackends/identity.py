"""Numbers that are given out once."""

from __future__ import annotations

import threading

from dfbackends import codec
from dfbackends.api import Expect, Key, Table, Write
from dfbackends.errors import Error, InvalidValue, OutcomeUnknown, Refused, Unavailable
from dfbackends.names import Namespace
from dfbackends.reliable import Reliable
from dfbackends.retry import Rounds


class Allocator:
    """Counts up, from 1 for each table. A number that was given to a caller that failed is never given again."""

    def __init__(self, store: Reliable, namespace: Namespace) -> None:
        self._store = store
        self._table = Table(namespace.internal("ids"), namespace.internal("ids"))
        # One caller at a time counts up; the others would only make it fail. Guards _last.
        self._lock = threading.Lock()
        self._last: dict[str, tuple[int, Expect | int]] = {}

    def allocated(self, table: str) -> int:
        """Return the last number that was given for the table, 0 if none was."""
        return self._stored(table)[0]

    def allocate(self, table: str, after: int = 0) -> int:
        """Return a number that nobody was given before for the table; errors as for ``Database.allocate``."""
        if type(after) is not int:
            raise InvalidValue(f"after is an integer, and was given as {type(after).__name__}")
        self._store.check_open()  # In the child of a fork the lock may be held, by nobody.
        rounds = Rounds(self._store.patience)
        if not self._lock.acquire(timeout=self._store.patience.deadline):
            raise Unavailable("too many callers wait for a number", code="overloaded")
        try:
            while True:
                rounds.begin()
                last, revision = self._last.pop(table) if table in self._last else self._stored(table)
                number = max(last, after) + 1
                data = codec.encode(number, self._store.driver.limits.value)
                try:
                    [outcome] = self._store.write([Write(Key(self._table, table), data, expect=revision)])
                except OutcomeUnknown as error:
                    error.operation = None  # It is about a table of our own, which an application can not ask for.
                    raise
                if isinstance(outcome, Error):
                    raise outcome
                if outcome is not None:
                    self._last[table] = number, outcome
                    return number
        finally:
            self._lock.release()

    def _stored(self, table: str) -> tuple[int, Expect | int]:
        [record] = self._store.read([Key(self._table, table)])
        if record is None:
            return 0, Expect.ABSENT
        try:
            last = codec.decode(record.value)
        except InvalidValue:
            last = None
        if not isinstance(last, int):
            raise Refused(f"the counter of table {table!r} holds no number", code="protocol")
        return last, record.revision
