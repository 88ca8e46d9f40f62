"""A driver whose calls are repeated, bounded in time, and settled.

A call has one operation id for all of its attempts. A write that may or may not have been done is repeated under the same id
where the driver keeps outcomes, and at last asked for or fenced off by ``cancel``: what the caller is told is true.
"""

from __future__ import annotations

import math
import secrets
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import count
from typing import TypeVar

from dfbackends.api import DbApi, Expect, Fence, Key, Message, OpId, Record, Table, Transactional, Write
from dfbackends.errors import (
    Closed,
    Divided,
    Error,
    Operation,
    OutcomeUnknown,
    Refused,
    Unavailable,
    undone,
    unknown,
    wrapped,
)
from dfbackends.listing import begun, listed
from dfbackends.names import Namespace
from dfbackends.outcomes import Outcome, Outcomes
from dfbackends.pace import USUAL, Pace
from dfbackends.resolver import Answers, Resolver
from dfbackends.retry import Attempts, Patience

R = TypeVar("R")


class Reliable:
    """What the core calls in place of a driver. The errors that it raises are ours."""

    def __init__(self, driver: DbApi, *, namespace: Namespace, patience: Patience, pace: Pace = USUAL) -> None:
        self.driver = driver
        self.patience = patience
        self.transactional: Transactional | None = driver if isinstance(driver, Transactional) else None
        self.resolver: Resolver = Resolver(self._ask, patience.deadline, pace)
        self._namespace = namespace
        self._lane = secrets.token_hex(8)
        self._count = count(1)
        self._closed = self._abandoned = False
        self._closing = threading.Event()

    def read(self, keys: Sequence[Key], within: float = math.inf) -> list[Record | None]:
        """Return the records of the keys. Seconds ``within`` may end it earlier than the deadline does.

        :raises Unavailable: the backend stayed away
        """
        return self.repeated(lambda: self.driver.read(keys), "reading", keys, within)

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Do independent writes of different keys; return what became of each.

        :raises OutcomeUnknown: any of them may have been done, and the backend could not be asked
        :raises BackendError: none was done, and none will be
        """
        if self.transactional is not None:
            op = self.new_op()
            return self._settled(lambda: self.driver.write(writes, op), [write.key for write in writes], op)
        # A driver that keeps no outcomes can not tell which of several writes it had done when it failed.
        if len(writes) == 1:
            op = self.new_op()
            return self._settled(lambda: self.driver.write(writes, op), [writes[0].key], op)
        self.check_open()
        outcomes: list[Outcome] = []
        for write in writes:
            try:
                outcomes += self.write([write])
            except Error as error:
                outcomes.append(error)
                if not isinstance(error, Refused):
                    break
        return outcomes + [
            Unavailable("not tried: the backend had gone away", code="unreachable") for _ in writes[len(outcomes) :]
        ]

    def commit(
        self, writes: Sequence[Write], checks: Mapping[Key, Expect | int], messages: Sequence[Message]
    ) -> list[int] | None:
        """Do all writes and publish all messages in one step; return the revisions, or None where an expectation failed.

        :raises OutcomeUnknown: it may have been done, and the backend could not be asked
        :raises BackendError: nothing was done, and nothing will be
        """
        driver = self.transactional
        assert driver is not None, "the caller has to look before"
        op = self.new_op()
        if not writes:
            # Nothing is changed, so that there is nothing to settle.
            return self.repeated(lambda: driver.commit((), checks, messages, op), "committing", list(checks))
        keys = [write.key for write in writes]
        outcomes = self._settled(lambda: driver.commit(writes, checks, messages, op) or [None] * len(keys), keys, op)
        revisions = [outcome for outcome in outcomes if isinstance(outcome, int)]
        for outcome in outcomes:
            if isinstance(outcome, Error):
                raise outcome
        return revisions if len(revisions) == len(keys) else None

    def scan(self, table: Table, topic: str | None) -> Iterator[tuple[str, Record]]:
        """Yield the entries. Where the backend fails in the middle it begins again, and passes over what it had yielded.

        :raises Unavailable: the backend stayed away past the deadline
        """
        where = [Key(table, "")]
        found = listed(
            lambda: self.repeated(lambda: begun(iter(self.driver.scan(table, topic))), "listing", where),
            lambda error: undone(self._understood(error, "listing", where)),
            self.patience.retries,
        )
        for item in found:
            yield item
            # The caller may have closed the backend, or forked, in the meantime.
            self.check_open()

    def drop(self, table: Table) -> None:
        """Remove all entries of a table; what fails in the middle is begun again, and is harmless twice.

        :raises OutcomeUnknown: some of them, or all, may be gone
        """
        self.check_open()
        try:
            self.repeated(lambda: self.driver.drop(table), "dropping", [Key(table, "")])
        except Error as error:
            raise unknown(error) from error.__cause__

    def repeated(self, call: Callable[[], R], doing: str, keys: Sequence[Key], within: float = math.inf) -> R:
        """Return what a call that changes nothing, or nothing more when repeated, returns; ``within`` may end it earlier."""
        self.check_open()
        patience = self.patience._replace(deadline=min(self.patience.deadline, within))
        attempts = Attempts(patience, failover=self.driver.failover, timeout=self.driver.timeout)
        while True:
            try:
                return call()
            except Exception as error:
                failure = undone(self._understood(error, doing, keys))
                if not isinstance(failure, Unavailable) or not attempts.pause(self._closing):
                    raise (Closed() if self._closed else failure) from error

    def resolve(self, operation: Operation, keys: Sequence[Key]) -> list[int | None | Fence]:
        """Return what an operation did, for each key a revision, None or NEVER; from now on nothing more comes of it.

        :raises OutcomeUnknown: the backend keeps no outcomes, no longer keeps this one, or can not be asked now
        """
        self.check_open()
        return self.resolver.resolve(operation, keys)

    def wait(self, seconds: float) -> bool:
        """Wait; return True at once when the store is closed."""
        return self._closing.wait(seconds)

    def close(self, until: float = 0.0) -> None:
        """End waiting calls; wait until the time given (time.monotonic) for the resolver to end. Idempotent."""
        self._closed = True
        self._closing.set()
        self.resolver.close(until)

    @property
    def abandoned(self) -> bool:
        """Whether this process is a fork of the one that opened the backend."""
        return self._abandoned

    def abandon(self) -> None:
        """Refuse all calls from now on, and touch nothing: this process is a fork of the one that opened the backend."""
        self._abandoned = self._closed = True

    def check_open(self) -> None:
        """Return, or raise Closed: the store is closed, or belongs to the parent of this process."""
        if self._closed:
            raise Closed

    def new_op(self) -> OpId:
        """Return an id for a call."""
        return OpId(f"{self._lane}-{next(self._count)}")

    def _settled(self, call: Callable[[], Sequence[int | None]], keys: Sequence[Key], op: OpId) -> list[Outcome]:
        """Return what a write did, settled where it was in doubt."""
        self.check_open()
        kept = self.transactional is not None
        timeout = self.driver.timeout
        # To cancel takes time, too.
        attempts = Attempts(self.patience, failover=self.driver.failover, timeout=timeout, reserve=timeout if kept else 0.0)
        outcomes: Outcomes | None = None
        while True:
            try:
                revisions = call()
                if outcomes is None:
                    return list(revisions)
                outcomes.learn(revisions)
            except Exception as error:  # noqa: BLE001 - each is understood, and told.
                outcomes = outcomes or Outcomes(len(keys), lambda failed: self._understood(failed, "writing", keys))
                outcomes.learn(error.answers if isinstance(error, Divided) else [error] * len(keys))
            if outcomes.doubtful and not kept:
                break
            if not (outcomes.repeatable and attempts.pause(self._closing)):
                break
        if doubtful := outcomes.doubtful:
            operation = self._operation(op, keys, attempts.began)
            outcomes.settle(self._cancelled(operation, keys, doubtful) if kept else [_unkept()], operation)
        try:
            return outcomes.result()
        except Unavailable as error:
            raise (Closed() if self._closed and not doubtful else error) from error.__cause__

    def _cancelled(self, operation: Operation, keys: Sequence[Key], doubtful: Collection[int]) -> Answers:
        """Return what became of writes in doubt, after making sure that nothing more comes of them."""
        # An attempt may still be on its way, and would find its expectation true if it arrived later.
        until = operation.began + self.patience.deadline - self.driver.timeout
        return self.resolver.settle(operation, keys, doubtful, until)

    def _ask(self, keys: Sequence[Key], op: OpId) -> Answers:
        if self.transactional is None:
            raise _unkept()

        def unanswered(error: Exception) -> Error:
            failure = unknown(self._understood(error, "asking for the outcome", keys))
            failure.__cause__ = error
            return failure

        try:
            return [*self.transactional.cancel(keys, op)]
        except Divided as error:
            return [unanswered(answer) if isinstance(answer, Exception) else answer for answer in error.answers]
        except Exception as error:
            raise unanswered(error) from error

    def _understood(self, error: Exception, doing: str, keys: Sequence[Key]) -> Error:
        tables = dict.fromkeys(self._namespace.original(key.table.name) for key in keys)
        return wrapped(error, self.driver.errors, f"{doing} {', '.join(map(repr, tables))}".strip())

    def _operation(self, op: OpId, keys: Sequence[Key], began: float) -> Operation:
        return Operation(op, tuple((self._namespace.original(key.table.name), key.name) for key in keys), began)


def _unkept() -> OutcomeUnknown:
    return OutcomeUnknown("this backend keeps no outcomes of writes", code="protocol")
