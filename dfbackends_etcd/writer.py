"""Writes that are done, or turn out not to hold."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dfbackends.api import Expect, Key, Message, OpId, Write
from dfbackends.errors import TooLarge
from dfbackends_etcd.errors import CallFailed, Contended, LeaseLost, PartlyDone, is_full, is_lease_lost
from dfbackends_etcd.layout import end, fence
from dfbackends_etcd.lease import Lease
from dfbackends_etcd.members import Members
from dfbackends_etcd.outcome import flags, recorded
from dfbackends_etcd.step import Known, Size, Step, holds, look, seen
from dfbackends_etcd.stubs import rpc

_GUESSED = 8
"""Writes and checks up to which a commit does not look first: with more, what is compared would not fit."""

Done = list[int | None]


class View(NamedTuple):
    """What there was of some entries, and of an operation, at a revision of the store."""

    known: Known
    kept: Sequence[Any]
    revision: int


class Writer:
    """Does writes in one transaction, of which it looks at the entries first where it has to."""

    def __init__(self, members: Members, outcomes: Lease, size: Size) -> None:
        self._members = members
        self._outcomes = outcomes
        self._size = size

    def views(self, groups: Sequence[Sequence[Key]], op: OpId, until: float | None = None) -> list[View]:
        """Look at groups of entries, and at the operation."""
        found = self._members.answers("txn", [rpc.TxnRequest(success=[_kept(op), *look(group)]) for group in groups], until)
        for answer in found:
            if isinstance(answer, Exception):
                raise answer
        return [_view(group, answer) for group, answer in zip(groups, found, strict=True)]

    def each(self, writes: Sequence[Write], op: OpId, number: int, view: View | None) -> Done:
        """Do each write whose expectation holds, as the part of an operation from a number on; return the new revisions.

        Without a view it is the whole operation.

        :raises Contended: other clients were quicker until the time-out was over
        :raises LeaseLost: nothing was done
        """
        until = time.monotonic() + self._members.timeout
        whole = view is None
        if view is None and (len(writes) > 1 or writes[0].value is None):
            [view] = self.views([[write.key for write in writes]], op, until)
        while True:
            step = Step(op, number, self._size, whole=whole)
            done = [True]
            if view is None:
                step.guess(writes[0])
            else:
                kept = recorded(view.kept, op, number, len(writes))
                if kept is not None:
                    return kept
                done = [holds(write.expect, view.known[write.key]) for write in writes]
                for write, good in zip(writes, done, strict=True):
                    if good:
                        step.write(write, view.known[write.key])
                if not step.changes:
                    # An entry that is not there needs not to be removed.
                    return [view.revision if good else None for good in done]
            found = self._sent(step, done, (), number, until)
            if not isinstance(found, View):
                return found
            # What did not hold before is not looked at again.
            view = found if view is None else found._replace(known={**view.known, **found.known})

    def together(
        self, writes: Sequence[Write], checks: Mapping[Key, Expect | int], messages: Sequence[Message], op: OpId
    ) -> Done | None:
        """Do all writes and send all messages, or nothing where an expectation does not hold; errors as for ``each``.

        :raises TooLarge: nothing was sent
        """
        until = time.monotonic() + self._members.timeout
        own = {write.key for write in writes}
        others = {key: expect for key, expect in checks.items() if key not in own}
        if len(own) + len(others) >= self._size.ops:
            raise TooLarge(f"it takes more than the {self._size.ops} operations of a request")
        view = None if _can_guess(writes, checks) else self.views([[*own, *others]], op, until)[0]
        while True:
            step = Step(op, 0, self._size, whole=True)
            if view is None:
                for write in writes:
                    step.guess(write._replace(expect=checks.get(write.key, write.expect)))
            else:
                kept = recorded(view.kept, op, 0, len(writes))
                if kept is not None or not _hold(writes, checks, view.known):
                    return None if kept is None or None in kept else kept
                for write in writes:
                    step.write(write, view.known[write.key])
                if not step.changes and not messages:
                    return [view.revision] * len(writes)
            for key, expect in others.items():
                step.expect(key, expect)
            found = self._sent(step, [True] * len(writes), messages, 0, until)
            if not isinstance(found, View):
                return found
            view = found

    def _sent(self, step: Step, done: Sequence[bool], messages: Sequence[Message], number: int, until: float) -> Done | View:
        """Return what was done; or what is there, where that is not what was thought."""
        lease = self._outcomes.id(until)
        request = step.request(flags(done), messages, lease)
        try:
            answer = self._members.answer("txn", request, until)
        except CallFailed as error:
            if is_lease_lost(error):
                self._outcomes.lost(lease)
                raise LeaseLost from error
            kept = self._after_refusal(step.op, number, len(done), until) if is_full(error) else None
            if kept is None:
                raise
            return kept
        if answer.succeeded:
            revision = answer.header.revision
            return [revision if good else None for good in done]
        if time.monotonic() >= until:
            raise Contended
        return _view(step.keys, answer)

    def _after_refusal(self, op: OpId, number: int, count: int, until: float) -> Done | None:
        """Return the outcome, if there is one: the write that uses up a quota is done, and is answered as if it was not.

        :raises PartlyDone: that can not be told any more
        """
        try:
            answer = self._members.answer("range", _kept(op).request_range, until)
        except Exception as error:
            raise PartlyDone("the server became full, and does not tell what it did last") from error
        return recorded(answer.kvs, op, number, count)


def _can_guess(writes: Sequence[Write], checks: Mapping[Key, Expect | int]) -> bool:
    """Return whether a commit is small, and what it does can be told without knowing what is there."""
    few = 0 < len(writes) <= _GUESSED - len(checks)
    return few and all(write.value is not None and (write.expect is Expect.ANY or write.key not in checks) for write in writes)


def _hold(writes: Sequence[Write], checks: Mapping[Key, Expect | int], known: Known) -> bool:
    expected = [*checks.items(), *((write.key, write.expect) for write in writes)]
    return all(holds(expect, known[key]) for key, expect in expected)


def _kept(op: OpId) -> Any:
    prefix = fence(op)
    return rpc.RequestOp(request_range=rpc.RangeRequest(key=prefix, range_end=end(prefix)))


def _view(keys: Sequence[Key], answer: Any) -> View:
    first, *others = answer.responses
    return View(seen(keys, others), first.response_range.kvs, answer.header.revision)
