"""What is known of the writes of one call, after its attempts so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dfbackends.api import Fence
from dfbackends.errors import Error, Operation, OutcomeUnknown, Unavailable, undone, unknown

Outcome = int | None | Error
"""What became of one write: its revision, None for an expectation that failed, or the reason why it was not done."""


class Outcomes:
    """Writes stand under their numbers. What was done stays done, and what is in doubt remains so until it was."""

    def __init__(self, count: int, understood: Callable[[Exception], Error]) -> None:
        self._count = count
        self._understood = understood
        self._done: dict[int, int] = {}
        self._failures: dict[int, Error] = {}
        self._doubts: dict[int, Exception] = {}
        self._certain = True

    def learn(self, answers: Sequence[int | None | Exception]) -> None:
        """Take in what an attempt has answered; a call that failed as a whole gives the same exception for each."""
        self._failures = {}
        met: dict[int, Error] = {}
        for number, answer in enumerate(answers):
            if isinstance(answer, int):
                self._done[number] = answer
            elif isinstance(answer, Exception) and number not in self._done:
                failure = met.get(id(answer)) or met.setdefault(id(answer), self._understood(answer))
                if failure is not answer:
                    failure.__cause__ = answer
                self._failures[number] = failure
                if isinstance(failure, OutcomeUnknown):
                    self._doubts[number] = answer
                    self._certain = False

    @property
    def repeatable(self) -> bool:
        """Whether another attempt may do what the last one did not."""
        return any(isinstance(failure, Unavailable | OutcomeUnknown) for failure in self._failures.values())

    @property
    def doubtful(self) -> set[int]:
        """Those that may have been done, or may be done by an attempt that is still on its way."""
        return self._doubts.keys() - self._done.keys()

    def settle(self, answers: Sequence[int | None | Fence | Error], operation: Operation) -> None:
        """Take in what the backend answers about those in doubt; an error in place of an answer leaves them there."""
        for number in self.doubtful:
            doubt, answer = self._doubts[number], answers[number]
            failure = self._failures.pop(number, None)
            if isinstance(answer, int):
                self._done[number] = answer
            elif isinstance(answer, Error):
                self._failures[number] = failure = unknown(failure or self._understood(doubt), operation)
                failure.__cause__ = answer.__cause__ or doubt
            elif answer is Fence.NEVER and failure is not None:
                self._failures[number] = failure = undone(failure)
                failure.__cause__ = doubt

    def result(self) -> list[Outcome]:
        """Return what became of each.

        :raises Error: all failed together, and it is known of none that it was cancelled
        """
        outcomes = [self._done.get(number, self._failures.get(number)) for number in range(self._count)]
        first = outcomes[0]
        if isinstance(first, Error) and (
            all(isinstance(outcome, OutcomeUnknown) for outcome in outcomes)
            or (self._certain and all(outcome is first for outcome in outcomes))
        ):
            raise first
        return outcomes
