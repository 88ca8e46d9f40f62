"""What goes wrong now and then, or at the edge of what is declared."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from contract_tests.mutants.registry import mutant
from dfbackends.api import Fence, Key, OpId, Record, Write
from dfbackends.drivers.memory import MemoryDb
from dfbackends.errors import Unavailable
from dfbackends.outcomes import Outcome
from dfbackends.reliable import Reliable


def _kept(store: Any, name: str, made: Any) -> Any:
    """Return what is remembered of a store under a name."""
    return store.__dict__.setdefault(name, made)


@mutant(kills="test_long_histories_agree_with_their_revisions")
class ReadsAreSometimesOld(MemoryDb):
    """Each eighth read of an entry that was written over tells what it was before."""

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        keys = [write.key for write in writes]
        _kept(self._store, "before", {}).update(zip(keys, super().read(keys), strict=True))
        return super().write(writes, op)

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        return [self._old(key) or record for key, record in zip(keys, super().read(keys), strict=True)]

    def _old(self, key: Key) -> Record | None:
        before, counts = _kept(self._store, "before", {}), _kept(self._store, "counts", Counter())
        if before.get(key) is None:
            return None
        counts["read"] += 1
        found: Record | None = before[key] if counts["read"] % 8 == 0 else None
        return found


@mutant(kills="test_long_histories_under_faults_agree_with_their_revisions")
class SwapsTellWhatTheyExpected(MemoryDb):
    """Each fifth swap tells the revision that it expected."""

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        revisions = super().write(writes, op)
        if len(writes) > 1 or not isinstance(writes[0].expect, int) or revisions == [None]:
            return revisions
        counts = _kept(self._store, "counts", Counter())
        counts["swap"] += 1
        return [writes[0].expect] if counts["swap"] % 5 == 0 else revisions


@mutant(kills="test_histories_under_faults_are_linearizable")
class CancellingDenies(MemoryDb):
    """To cancel a write that was done tells that it was not done."""

    def cancel(self, keys: Sequence[Key], op: OpId) -> list[int | None | Fence]:
        super().cancel(keys, op)
        return [Fence.NEVER] * len(keys)


@mutant(kills="test_the_nth_write_is_in_doubt_and_given_up")
class WhatIsGivenUpIsDone(Reliable):
    """A write that is not to be repeated, and was not done, is told as done."""

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        outcomes = super().write(writes)
        if self.patience.retries:
            return outcomes
        return [time.time_ns() if isinstance(outcome, Unavailable) else outcome for outcome in outcomes]


@mutant(kills="test_more_than_a_commit_takes")
class TheLastOfManyIsLost(MemoryDb):
    """Of as many writes as can be done at once the last one is acknowledged, and not done."""

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        if len(writes) < self.limits.commit:
            return super().write(writes, op)
        revisions = super().write(writes[:-1], op)
        return [*revisions, revisions[-1]]


class TooLongEscaped(Exception):
    """A name has too many bytes in the form in which it is sent."""


@mutant(kills="test_limits_count_bytes")
class NamesAreEscaped(MemoryDb):
    """Of a name that is not ASCII the limit counts more bytes than it has."""

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        if any(len(write.key.name.encode("ascii", "backslashreplace")) > self.limits.name for write in writes):
            raise TooLongEscaped
        return super().write(writes, op)
