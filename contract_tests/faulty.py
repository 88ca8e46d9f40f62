"""A driver that fails on demand, around one that does not.

It keeps the contract, and the capabilities of the driver that it wraps, and is told by a plan what to do wrong. Like a store
that is spread over several servers it sends the writes of a sequence one by one, so that a fault may strike in the middle.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from contract_tests.fault import Fault
from contract_tests.faulty_line import FaultyFeed, LineBroke, NotAllowed
from contract_tests.plan import Plan
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
    PubSubApi,
    Record,
    Stream,
    Table,
    Transactional,
    Watching,
    Write,
)
from dfbackends.errors import ErrorTable, Meaning, OutcomeUnknown, Refused, Unavailable

R = TypeVar("R")

SECRET = "hunter2"
"""Stands in the text of each exception of this client, as clients put passwords and values into theirs."""

TIMEOUT = 0.1


class Injected(Exception):
    """The base of what this client raises."""

    def __init__(self, what: object = "") -> None:
        super().__init__(f"user admin password {SECRET}: {what}")


class NotSent(Injected):
    """The request has not left."""


class Lost(Injected):
    """There was no answer."""


class WrongPassword(Injected):
    """The server does not know this client."""


class Full(Injected):
    """The server has no more room."""


class ReadOnly(Injected):
    """The server is a replica at present."""


class Overloaded(Injected):
    """The server has too much to do, or is not ready yet."""


ERRORS: ErrorTable = [
    Meaning(NotSent, None, Unavailable, "unreachable"),
    Meaning(Lost, None, OutcomeUnknown, "unreachable"),
    Meaning(WrongPassword, None, Refused, "unauthenticated"),
    Meaning(Full, None, Refused, "full"),
    Meaning(ReadOnly, None, Unavailable, "read_only"),
    Meaning(Overloaded, None, Unavailable, "overloaded"),
    Meaning(LineBroke, None, Unavailable, "unreachable"),
    Meaning(NotAllowed, None, Refused, "forbidden"),
]

_ANSWERS: dict[Fault, type[Injected]] = {
    Fault.REFUSED: NotSent,
    Fault.UNAUTHENTICATED: WrongPassword,
    Fault.FULL: Full,
    Fault.READ_ONLY: ReadOnly,
    Fault.OVERLOADED: Overloaded,
}


class _Faulty:
    """Sends requests as the plan says."""

    timeout = TIMEOUT

    def __init__(self, driver: Any, plan: Plan) -> None:
        self.limits = driver.limits
        self._driver = driver
        self._plan = plan

    def _sent(self, verb: str, request: Callable[[], R], what: object, *, partly: bool = False) -> R:
        """Return the answer to a request. ``partly``: others of the same call have been done before."""
        fault = self._plan.strike(verb)
        if fault is None or fault is Fault.DELAYED:
            return request()
        if fault in _ANSWERS:
            # An error that says that nothing was done would be a lie.
            raise Lost(what) if partly else _ANSWERS[fault](what)
        if fault is Fault.LOST_REPLY:
            request()
        elif fault is Fault.FROZEN:
            if self._plan.freeze(TIMEOUT):
                return request()
            self._plan.hold(request)
        elif fault is Fault.LATE:
            self._plan.hold(request)
        raise Lost(what)

    def close(self) -> None:
        self._driver.close()


class FaultyDb(_Faulty, DbApi):
    """The database side of a driver."""

    errors: ErrorTable = ERRORS

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        driver: DbApi = self._driver
        return self._sent("read", lambda: driver.read(keys), keys)

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        driver: DbApi = self._driver
        done: list[int | None] = []
        for number, write in enumerate(writes):
            # An inner driver may keep one outcome for a whole call; ours are kept write by write.
            part = _part(op, write.key)
            done += self._sent("write", lambda w=write, p=part: driver.write([w], p), write, partly=number > 0)  # type: ignore[misc]
        return done

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        driver: DbApi = self._driver
        for item in driver.scan(table, topic):
            self._sent("scan", lambda: None, table)
            yield item

    def drop(self, table: Table) -> None:
        driver: DbApi = self._driver
        self._sent("drop", lambda: driver.drop(table), table)


class _FaultyTransactional(_Faulty, Transactional):
    def __init__(self, driver: Any, plan: Plan) -> None:
        super().__init__(driver, plan)
        self._commits: set[OpId] = set()

    def commit(
        self, writes: Sequence[Write], checks: Mapping[Key, Expect | int], messages: Sequence[Message], op: OpId
    ) -> list[int] | None:
        driver: Transactional = self._driver
        self._commits.add(op)
        return self._sent("commit", lambda: driver.commit(writes, checks, messages, op), writes)

    def cancel(self, keys: Sequence[Key], op: OpId) -> list[int | None | Fence]:
        driver: Transactional = self._driver
        if op in self._commits:
            return self._sent("cancel", lambda: driver.cancel(keys, op), keys)
        answers: list[int | None | Fence] = []
        for key in keys:
            part = _part(op, key)
            answers += self._sent("cancel", lambda k=key, p=part: driver.cancel([k], p), key)  # type: ignore[misc]
        return answers


class _FaultyWatching(_Faulty, Watching):
    def watch(self, after: Position | None = None) -> Feed[Stream, Change]:
        driver: Watching = self._driver
        return self._sent("watch", lambda: driver.watch(after), after)

    def heads(self, streams: Sequence[Stream]) -> list[str]:
        driver: Watching = self._driver
        return self._sent("read", lambda: driver.heads(streams), streams)


class FaultyPubSub(_Faulty, PubSubApi):
    """The publish and subscribe side of a driver; one that forgets can not resume."""

    errors: ErrorTable = ERRORS

    def __init__(self, driver: PubSubApi, plan: Plan, *, forgets: bool = False) -> None:
        super().__init__(driver, plan)
        self._forgets = forgets

    def publish(self, messages: Sequence[Message]) -> None:
        driver: PubSubApi = self._driver
        self._sent("publish", lambda: driver.publish(messages), messages)

    def listen(self, after: Position | None = None) -> Feed[str, Message]:
        driver: PubSubApi = self._driver
        if Fault.DOWN in self._plan.state:
            raise NotSent("listen")
        return self._sent("listen", lambda: FaultyFeed(driver, after, self._plan, forgets=self._forgets), after)


def faulty_db(driver: DbApi, plan: Plan) -> DbApi:
    """Return a driver around this one, with the same capabilities."""
    parts: list[type[Any]] = [FaultyDb]
    if isinstance(driver, Transactional):
        parts.insert(0, _FaultyTransactional)
    if isinstance(driver, Watching):
        parts.insert(0, _FaultyWatching)
    kind = type("FaultyDriver", tuple(parts), {"errors": [*ERRORS, *driver.errors]})
    wrapped: DbApi = kind(driver, plan)
    return wrapped


def faulty_pubsub(driver: PubSubApi, plan: Plan, *, forgets: bool = False) -> PubSubApi:
    """Return a driver around this one; one that ``forgets`` can not resume."""
    kind = type("FaultyCarrier", (FaultyPubSub,), {"errors": [*ERRORS, *driver.errors]})
    wrapped: PubSubApi = kind(driver, plan, forgets=forgets)
    return wrapped


def _part(op: OpId, key: Key) -> OpId:
    return OpId(f"{op}/{zlib.crc32(repr(key).encode()):x}")
