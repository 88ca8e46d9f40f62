"""Putting entries back as they were before a batch wrote them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from dfbackends.api import Expect, Key, Record, Write
from dfbackends.errors import BackendError, Code, Conflict, Error, RollbackFailed
from dfbackends.names import Namespace
from dfbackends.outcomes import Outcome
from dfbackends.reliable import Reliable


class Done(NamedTuple):
    """A write that was done: what the key held before, and the revision it got; ``removed`` for a deletion."""

    key: Key
    before: Record | None
    revision: int
    removed: bool


def undo(store: Reliable, namespace: Namespace, done: Sequence[Done], doubtful: Sequence[Key], failure: Error) -> None:
    """Undo writes in reverse, and return when everything is as it was before.

    Each undo expects exactly what the batch wrote, so that what somebody else has written since stays. Value and topic come
    back, the revision is new. Of a backend that stays away it asks no more once a deadline is over.

    :raises RollbackFailed: a key was changed by somebody else since, could not be put back, or was ``doubtful`` from the start
    """
    stuck = dict.fromkeys(doubtful)
    code: Code | None = failure.code if isinstance(failure, BackendError) else None
    until = time.monotonic() + store.patience.deadline
    outcome: Outcome = None
    for step in reversed(done):
        # Else a backend that stays away would take a deadline for each key.
        if not (isinstance(outcome, Error) and time.monotonic() > until):
            outcome = _undone(store, step)
        if isinstance(outcome, int) or (outcome is None and step.before is None and _absent(store, step.key)):
            continue
        stuck[step.key] = None
        code = code or (outcome.code if isinstance(outcome, BackendError) else None)
    if stuck:
        keys = [(namespace.original(key.table.name), key.name) for key in stuck]
        raise RollbackFailed(
            f"a batch failed, and {len(keys)} of its keys may not be as before, or were changed by another client since",
            code=code or "protocol",
            keys=keys,
        ) from failure


def _undone(store: Reliable, step: Done) -> Outcome:
    value, topic = (step.before.value, step.before.topic) if step.before is not None else (None, "")
    expect = Expect.ABSENT if step.removed else step.revision
    if step.removed and step.before is None:
        return step.revision
    try:
        [outcome] = store.write([Write(step.key, value, topic, expect)])
    except Error as error:
        return error
    return outcome


def _absent(store: Reliable, key: Key) -> bool:
    """Tell whether an entry that the batch had created is gone, as it should be, through somebody else."""
    try:
        return store.read([key]) == [None]
    except Error:
        return False


def conflict(namespace: Namespace, key: Key) -> Conflict:
    """Return the error of a write whose entry was changed by another client between reading and writing."""
    table = namespace.original(key.table.name)
    return Conflict(f"{table}: the key was changed by another client meanwhile", table=table, key=key.name)
