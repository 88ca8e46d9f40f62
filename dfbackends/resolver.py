"""The outcomes of writes that were in doubt.

A write whose outcome could not be had within its deadline is asked for in the background until the backend answers, or no
longer keeps the answer. What was learnt is remembered for the one who asks.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence

from dfbackends.api import Fence, Key, OpId
from dfbackends.errors import Error, Operation, OutcomeUnknown
from dfbackends.failures import Failures
from dfbackends.pace import USUAL, Pace

_LOG = logging.getLogger(__name__)

Answers = list["int | None | Fence | Error"]
"""What became of each write of an operation; an error where that could not be said."""

_MOST = 1_000

# Backends keep outcomes for ten deadlines; one is left for clocks that differ, and for the time that the question takes.
_KEPT = 9


class Resolver:
    """Asks what became of operations, by a function that answers or raises OutcomeUnknown."""

    def __init__(self, ask: Callable[[Sequence[Key], OpId], Answers], deadline: float, pace: Pace = USUAL) -> None:
        self._ask = ask
        self._deadline = deadline
        self._first, self._last = pace.outcome
        self._given_up = Failures(_LOG)
        # Guards all below. The thread runs while something is pending.
        self._changed = threading.Condition()
        self._pending: OrderedDict[str, tuple[Operation, Sequence[Key]]] = OrderedDict()
        self._answered: OrderedDict[str, list[int | None | Fence]] = OrderedDict()
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def unresolved(self) -> int:
        """How many operations are still being asked for."""
        return len(self._pending)

    @property
    def thread(self) -> threading.Thread | None:
        """The one that asks, while something is unresolved."""
        return self._thread

    def settle(self, operation: Operation, keys: Sequence[Key], wanted: Collection[int], until: float) -> Answers:
        """Return the answers; ask for those that are wanted, by their numbers, until the time given, then leave them to the
        background."""
        wait = 0.1
        while True:
            try:
                answers = self._ask(keys, OpId(operation.id))
            except OutcomeUnknown as error:
                answers = [error] * len(keys)
            if not any(isinstance(answers[number], Error) for number in wanted):
                return answers
            remaining = until - time.monotonic() - wait
            with self._changed:
                if remaining <= 0 or self._changed.wait_for(lambda: self._closed, wait):
                    self._enqueue(operation, keys)
                    return answers
            wait *= 2

    def resolve(self, operation: Operation, keys: Sequence[Key]) -> list[int | None | Fence]:
        """Return what is known, or what the backend answers now.

        :raises OutcomeUnknown: there is no answer now, or the backend no longer keeps it
        """
        with self._changed:
            known = self._answered.get(operation.id)
        if known is not None:
            return known
        if self._expired(operation):
            raise OutcomeUnknown("the outcome is no longer kept by the backend", code="protocol", operation=operation)
        try:
            answers = _all_of(self._ask(keys, OpId(operation.id)))
        except OutcomeUnknown as error:
            error.operation = operation
            raise
        self._remember(operation, answers)
        return answers

    def close(self, until: float) -> None:
        """Stop asking; wait until the time given (time.monotonic) for a question that is under way. Idempotent."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(0.0, until - time.monotonic()))

    def _enqueue(self, operation: Operation, keys: Sequence[Key]) -> None:
        if self._closed or self._expired(operation):
            return
        if len(self._pending) >= _MOST:
            dropped, _ = self._pending.popitem(last=False)
            self._given_up.tell("over", "over %d writes are unresolved; operation %s is no longer asked for", _MOST, dropped)
        self._pending[operation.id] = (operation, keys)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="dfbackends-resolver", daemon=True)
            self._thread.start()

    def _expired(self, operation: Operation) -> bool:
        # One that began in the future is from another boot or host, whose clock tells nothing here.
        return not 0 <= time.monotonic() - operation.began <= _KEPT * self._deadline

    def _run(self) -> None:
        wait = self._first
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: self._closed, wait) or not self._pending:
                    self._thread = None
                    return
                pending = list(self._pending.values())
            progress = False
            for operation, keys in pending:
                if self._closed:
                    break
                progress |= self._ask_again(operation, keys)
            wait = self._first if progress else min(2 * wait, self._last)

    def _ask_again(self, operation: Operation, keys: Sequence[Key]) -> bool:
        if self._expired(operation):
            text = "operation %s was not resolved within the time for which outcomes are kept"
            self._given_up.tell("expired", text, operation.id)
            with self._changed:
                self._pending.pop(operation.id, None)
            return False
        try:
            answers = _all_of(self._ask(keys, OpId(operation.id)))
        except Exception as error:  # noqa: BLE001 - whatever it is, there is no answer yet.
            _LOG.debug("operation %s is still unresolved: %s", operation.id, type(error).__name__)
            return False
        self._remember(operation, answers)
        return True

    def _remember(self, operation: Operation, answers: list[int | None | Fence]) -> None:
        with self._changed:
            self._pending.pop(operation.id, None)
            self._answered[operation.id] = answers
            while len(self._answered) > _MOST:
                self._answered.popitem(last=False)


def _all_of(answers: Answers) -> list[int | None | Fence]:
    """Return the answers, if none is an error, and raise the first one else."""
    found: list[int | None | Fence] = []
    for answer in answers:
        if isinstance(answer, Error):
            raise answer
        found.append(answer)
    return found
