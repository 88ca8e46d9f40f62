"""Whether the revisions that were answered fit to what was written and read, and to the time: for histories that are long.

Of n operations it takes n log n steps, 200,000 of them a second, where a search for an order may never end. It knows less: what
was answered without a revision counts only as far as it must have been between two others.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple

from contract_tests.checks.operation import Operation


class Contradiction(NamedTuple):
    """What can not be, and the operations that say so."""

    what: str
    operations: tuple[Operation, ...]


def contradictions(history: Iterable[Operation]) -> list[Contradiction]:
    """Return what is wrong with a history of one key; nothing where all revisions can be right.

    Each revision belongs to one write, and each value to one revision; nobody reads what nobody wrote; what began when another
    operation had ended has no lower revision than that, and a greater one where it writes, or where an entry was deleted in
    between; what replaces a revision follows it at once; and what is created again can have been deleted.
    """
    operations = list(history)
    writers = {operation.value: operation for operation in operations if operation.writes}
    found: list[Contradiction] = []
    written: dict[int, Operation] = {}
    for operation in operations:
        if operation.revision is not None and operation.writes:
            if operation.revision in written:
                found.append(Contradiction("two writes have one revision", (written[operation.revision], operation)))
            written[operation.revision] = operation
    resolved: dict[Hashable, Operation] = {}
    for operation in operations:
        if operation.revision is not None and not operation.writes:
            found += _read(operation, writers.get(operation.value), written, resolved)
    found += _replaced(written)
    found += _created(written, [one for one in operations if one.verb == "delete" and not one.refused])
    found += _timed([*operations, *resolved.values()])
    return found


def _read(
    read: Operation, writer: Operation | None, written: dict[int, Operation], resolved: dict[Hashable, Operation]
) -> Iterator[Contradiction]:
    """Compare a read with what was written; a write whose outcome is unknown gets the revision in which it is seen."""
    assert read.revision is not None
    if writer is None or writer.refused:
        yield Contradiction("a value was read that was not written", tuple(filter(None, (writer, read))))
        return
    if writer.unknown and read.value not in resolved:
        resolved[read.value] = writer = writer._replace(revision=read.revision)
        other = written.setdefault(read.revision, writer)
        if other is not writer:
            yield Contradiction("two writes have one revision", (other, writer, read))
        return
    writer = resolved.get(read.value, writer)
    if writer.revision != read.revision:
        yield Contradiction("a value was read in another revision than its own", (writer, read))


def _replaced(written: dict[int, Operation]) -> Iterator[Contradiction]:
    """Look for a write between one that was expected and the one that has replaced it."""
    revisions = sorted(written)
    home = {operation.value: revision for revision, operation in written.items()}
    for revision, operation in written.items():
        if operation.verb == "swap" and operation.expected in home:
            place = bisect.bisect_left(revisions, revision)
            before = revisions[place - 1] if place else None
            if before != home[operation.expected]:
                expected = written[home[operation.expected]]
                between = (written[before],) if before is not None else ()
                yield Contradiction("what was replaced was not the last any more", (expected, *between, operation))


def _created(written: dict[int, Operation], deletions: list[Operation]) -> Iterator[Contradiction]:
    """Look for a deletion, in doubt or not, that may have been between what was there before and a create."""
    deletions.sort(key=lambda one: one.begin)
    begins = [one.begin for one in deletions]
    latest = list(itertools.accumulate((one.end for one in deletions), max))
    revisions = sorted(written)
    for before, revision in itertools.pairwise(revisions):
        first, again = written[before], written[revision]
        earlier = bisect.bisect_right(begins, again.end)
        if again.verb == "create" and (not earlier or latest[earlier - 1] < first.begin):
            yield Contradiction("what was there was created again", (first, again))


def _timed(operations: Sequence[Operation]) -> Iterator[Contradiction]:
    """Compare the order of the revisions with that in time."""
    timed = [one for one in operations if one.revision is not None or (one.verb == "delete" and not one.refused)]
    ends = sorted((one for one in timed if not one.unknown), key=lambda one: one.end)
    seen, seen_by = 0, None
    deleted, deleted_by = 0, None
    floors: dict[Operation, int] = {}
    coming = iter(ends)
    ending = next(coming, None)
    for operation in sorted(timed, key=lambda one: one.begin):
        while ending is not None and ending.end < operation.begin:
            if ending.revision is None:
                # What was there when it began is gone, and whatever comes is newer.
                if floors[ending] > deleted:
                    deleted, deleted_by = floors[ending], ending
            elif ending.revision > seen:
                seen, seen_by = ending.revision, ending
            ending = next(coming, None)
        if operation.revision is None:
            floors[operation] = max(seen, deleted)
            continue
        if operation.revision < seen or (operation.writes and operation.revision == seen):
            assert seen_by is not None
            yield Contradiction("what began later has an older revision", (seen_by, operation))
        elif operation.revision <= deleted:
            assert deleted_by is not None
            yield Contradiction("what was deleted was seen again", (deleted_by, operation))
