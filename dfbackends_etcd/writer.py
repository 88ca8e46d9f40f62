"""Writes that are done, or turn out not to hold."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import grpc

from dfbackends.api import Expect, Key, Message, OpId, Write
from dfbackends_etcd.errors import Contended, LeaseLost, is_full, is_lease_lost
from dfbackends_etcd.layout import end, fence
from dfbackends_etcd.lease import Lease
from dfbackends_etcd.members import Members
from dfbackends_etcd.outcome import flags, recorded
from dfbackends_etcd.step import Known, Size, Step, holds, look, seen
from dfbackends_etcd.stubs import rpc

_GUESSED = 8
"""Writes and checks up to which a commit does not look first: with more, what is compared would not fit."""


class View(NamedTuple):
    """What was known of entries at a revision of the store."""

    known: Known
    revision: int


class Writer:
    """Does writes in one transaction, of which it looks at the entries first where it has to."""

    def __init__(self, members: Members, outcomes: Lease, size: Size) -> None:
        self._members = members
        self._outcomes = outcomes
        self._size = size

    def views(self, groups: Sequence[Sequence[Key]], until: float | None = None) -> list[View]:
        """Look at groups of entries, each at one revision."""
        found = self._members.answers("txn", [rpc.TxnRequest(success=look(group)) for group in groups], until)
        for answer in found:
            if isinstance(answer, Exception):
                raise answer
        return [
            View(seen(group, answer.responses), answer.header.revision) for group, answer in zip(groups, found, strict=True)
        ]

    def each(self, writes: Sequence[Write], op: OpId, number: int, view: View | None) -> list[int | None]:
        """Do each write whose expectation holds, as the part of an operation from a number on; return the new revisions.

        :raises Contended: other clients were quicker until the time-out was over
        :raises LeaseLost: nothing was done
        :raises TooLarge: nothing was sent
        """
        until = time.monotonic() + self._members.timeout
        if view is None and (len(writes) > 1 or writes[0].value is None):
            [view] = self.views([[write.key for write in writes]], until)
        while True:
            step = Step(op, number, self._size)
            if view is None:
                done = [True]
                step.guess(writes[0])
            else:
                done = [holds(write.expect, view.known[write.key]) for write in writes]
                for write, good in zip(writes, done, strict=True):
                    if good:
                        step.write(write, view.known[write.key])
                if not step.changes:
                    # An entry that is not there needs not to be removed.
                    return [view.revision if good else None for good in done]
            found = self._sent(step, done, (), op, number, until)
            if isinstance(found, list):
                return found
            view = found

    def together(
        self, writes: Sequence[Write], checks: Mapping[Key, Expect | int], messages: Sequence[Message], op: OpId
    ) -> list[int] | None:
        """Do all writes and send all messages, or nothing where an expectation does not hold; errors as for ``each``."""
        until = time.monotonic() + self._members.timeout
        own = {write.key for write in writes}
        others = {key: expect for key, expect in checks.items() if key not in own}
        view = None if _can_guess(writes, checks) else self.views([[*own, *others]], until)[0]
        while True:
            step = Step(op, 0, self._size)
            if view is None:
                for write in writes:
                    expect = checks.get(write.key, Expect.ANY) if write.expect is Expect.ANY else write.expect
                    step.guess(write._replace(expect=expect))
            else:
                known = view.known
                for key, expect in [*checks.items(), *((write.key, write.expect) for write in writes)]:
                    if not holds(expect, known[key]):
                        return None
                for write in writes:
                    step.write(write, known[write.key])
            for key, expect in others.items():
                step.expect(key, expect)
            if view is not None and not step.changes and not messages:
                return [view.revision] * len(writes)
            found = self._sent(step, [True] * len(writes), messages, op, 0, until)
            if isinstance(found, list):
                revisions = [revision for revision in found if revision is not None]
                return revisions if len(revisions) == len(writes) else None
            view = found

    def _sent(
        self, step: Step, done: Sequence[bool], messages: Sequence[Message], op: OpId, number: int, until: float
    ) -> list[int | None] | View:
        """Return what was done, now or when the operation came before; or what is there, where it is not what was thought."""
        lease = self._outcomes.id(until)
        request = step.request(flags(done), messages, lease)
        try:
            answer = self._members.answer("txn", request, until)
        except grpc.RpcError as error:
            if is_lease_lost(error):
                self._outcomes.lost(lease)
                raise LeaseLost from error
            found = self._kept(op, number, len(done), until) if is_full(error) else None
            if found is None:
                raise
            return found
        if answer.succeeded:
            revision = answer.header.revision
            return [revision if good else None for good in done]
        found = recorded(answer.responses[0].response_range.kvs, op, number, len(done))
        if found is not None:
            return found
        if time.monotonic() >= until:
            raise Contended
        return View(step.known(answer), answer.header.revision)

    def _kept(self, op: OpId, number: int, count: int, until: float) -> list[int | None] | None:
        """Return the outcome that is kept: the write that uses up a quota is done, and is answered like those it refuses."""
        prefix = fence(op)
        answer: Any = self._members.answer("range", rpc.RangeRequest(key=prefix, range_end=end(prefix)), until)
        return recorded(answer.kvs, op, number, count)


def _can_guess(writes: Sequence[Write], checks: Mapping[Key, Expect | int]) -> bool:
    return (
        0 < len(writes) + len(checks) <= _GUESSED
        and all(write.value is not None and (write.expect is Expect.ANY or write.key not in checks) for write in writes)
        and bool(writes)
    )
