"""A driver that fails on demand, around one that does not.

It keeps the contract, and the capabilities of the driver that it wraps; an injector does to its calls what a plan says. While
something is armed it sends the writes of a sequence one by one, like a store that is spread over several servers, so that a
fault may strike in the middle.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from contract_tests.faults.faulty_line import FaultyChanges, FaultyMessages
from contract_tests.faults.injector import Injector
from contract_tests.faults.simulated import ERRORS
from dfbackends.api import (
    Change,
    DbApi,
    Expect,
    Feed,
    Fence,
    Head,
    Key,
    Message,
    OpId,
    Position,
    PubSubApi,
    Record,
    Stream,
    Table,
    Transactional,
    Watching,
    Write,
)
from dfbackends.errors import ErrorTable


class _Faulty:
    """Makes its calls by an injector, and opens lines by ``lines``; those of one that forgets can not go on from a position."""

    def __init__(self, driver: Any, injector: Injector, *, lines: Any = None, forgets: bool = False) -> None:
        self.limits = driver.limits
        self.failover = driver.failover
        self.timeout = injector.timeout(driver)
        self._driver = driver
        self._lines = driver if lines is None else lines
        self._injector = injector
        self._plan = injector.plan
        self._forgets = forgets
        # Whether an operation is done in one call; all of its attempts are made in the same way.
        self._whole: dict[OpId, bool] = {}

    def close(self) -> None:
        for driver in {id(each): each for each in (self._driver, self._lines)}.values():
            driver.close()


class FaultyDb(_Faulty, DbApi):
    """The database side of a driver."""

    errors: ErrorTable = ERRORS

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        driver: DbApi = self._driver
        return self._injector.sent("read", lambda: driver.read(keys), keys)

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        driver: DbApi = self._driver
        if self._whole.setdefault(op, not self._plan.awaits("write")):
            return self._injector.sent("write", lambda: driver.write(writes, op), writes)
        done: list[int | None] = []
        for number, write in enumerate(writes):
            # An inner driver may keep one outcome for a whole call; ours are kept write by write.
            part = _part(op, write.key)
            done += self._injector.sent("write", lambda w=write, p=part: driver.write([w], p), write, partly=number > 0)  # type: ignore[misc]
        return done

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        driver: DbApi = self._driver
        for name, record in self._injector.scanned(lambda: driver.scan(table, topic), table):
            self._plan.carry(table.name, record.topic)
            yield name, record

    def drop(self, table: Table) -> None:
        driver: DbApi = self._driver
        self._injector.sent("drop", lambda: driver.drop(table), table)


class _FaultyTransactional(_Faulty, Transactional):
    def commit(
        self, writes: Sequence[Write], checks: Mapping[Key, Expect | int], messages: Sequence[Message], op: OpId
    ) -> list[int] | None:
        driver: Transactional = self._driver
        return self._injector.sent("commit", lambda: driver.commit(writes, checks, messages, op), writes)

    def cancel(self, keys: Sequence[Key], op: OpId) -> list[int | None | Fence]:
        driver: Transactional = self._driver
        if self._whole.get(op, True):
            return self._injector.sent("cancel", lambda: driver.cancel(keys, op), keys)
        answers: list[int | None | Fence] = []
        for key in keys:
            part = _part(op, key)
            answers += self._injector.sent("cancel", lambda k=key, p=part: driver.cancel([k], p), key)  # type: ignore[misc]
        return answers


class _FaultyWatching(_Faulty, Watching):
    def watch(self, after: Position | None = None) -> Feed[Stream, Change]:
        watch = self._lines.watch
        return self._injector.opened("watch", lambda: FaultyChanges(watch, after, self._plan, forgets=self._forgets), after)

    def heads(self, streams: Sequence[Stream]) -> Sequence[Head]:
        driver: Watching = self._driver
        return self._injector.sent("read", lambda: driver.heads(streams), streams)


class FaultyPubSub(_Faulty, PubSubApi):
    """The publish and subscribe side of a driver."""

    errors: ErrorTable = ERRORS

    def publish(self, messages: Sequence[Message]) -> None:
        driver: PubSubApi = self._driver
        self._injector.sent("publish", lambda: driver.publish(messages), messages)

    def listen(self, after: Position | None = None) -> Feed[str, Message]:
        listen = self._lines.listen
        return self._injector.opened("listen", lambda: FaultyMessages(listen, after, self._plan, forgets=self._forgets), after)


def faulty_db(driver: DbApi, injector: Injector, *, lines: DbApi | None = None, forgets: bool = False) -> DbApi:
    """Return a driver around this one, with the same capabilities; the changes of one that ``forgets`` can not resume.

    ``lines`` is another handle on the same store, for what it watches.
    """
    parts: list[type[Any]] = [FaultyDb]
    if isinstance(driver, Transactional):
        parts.insert(0, _FaultyTransactional)
    if isinstance(driver, Watching):
        parts.insert(0, _FaultyWatching)
    kind = type("FaultyDriver", tuple(parts), {"errors": [*ERRORS, *driver.errors]})
    wrapped: DbApi = kind(driver, injector, lines=lines, forgets=forgets)
    return wrapped


def faulty_pubsub(driver: PubSubApi, injector: Injector, *, lines: PubSubApi | None = None, forgets: bool = False) -> PubSubApi:
    """Return a driver around this one; one that ``forgets`` can not resume."""
    kind = type("FaultyCarrier", (FaultyPubSub,), {"errors": [*ERRORS, *driver.errors]})
    wrapped: PubSubApi = kind(driver, injector, lines=lines, forgets=forgets)
    return wrapped


def _part(op: OpId, key: Key) -> OpId:
    return OpId(f"{op}/{zlib.crc32(repr(key).encode()):x}")
