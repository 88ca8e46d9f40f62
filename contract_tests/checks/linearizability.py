"""Whether a concurrent history of one key can be explained by an order in which each operation took effect at once.

The algorithm of Wing and Gong, with Lowe's memory of what was tried. An operation whose outcome is unknown may have taken
effect at any time after it began, or not at all.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable, Iterable, Sequence
from enum import Enum

from contract_tests.checks.operation import Operation

CLIENTS = 8
"""How many may work on a key at the same time: with each one more the search takes several times as long."""

STEPS = 1_000_000
"""After so many the search is given up: about half a minute."""


class Verdict(Enum):
    """What is known of a history. Only one of these is good."""

    LINEARIZABLE = "linearizable"
    IMPOSSIBLE = "not linearizable"
    UNDECIDED = "given up: it took too long to find out"


def after(state: Hashable, operation: Operation) -> tuple[bool, Hashable]:
    """Return whether an operation may do what it did on a key that holds ``state`` (None: absent), and what it holds then."""
    verb = operation.verb
    if verb == "get":
        return state == operation.value, state
    holds = {
        "put": True,
        "create": state is None,
        "update": state is not None,
        "delete": state is not None,
        "swap": state is not None and state == operation.expected,
    }[verb]
    if operation.unknown and not holds:
        return True, state
    if operation.refused or not holds:
        return operation.refused != holds, state
    return True, None if verb == "delete" else operation.value


def judged(history: Iterable[Operation], start: Hashable = None, steps: int = STEPS) -> Verdict:
    """Tell whether a history of one key, which held ``start`` at its beginning, is linearizable; UNDECIDED after so many steps.

    :raises ValueError: more than CLIENTS worked on the key at the same time
    """
    # Reads of which nobody knows the answer say nothing.
    operations = sorted((one for one in history if not (one.unknown and one.verb == "get")), key=lambda one: one.begin)
    crowd = _at_once(operations)
    if crowd > CLIENTS:
        raise ValueError(f"{crowd} clients worked on one key at the same time; histories of at most {CLIENTS} can be judged")
    certain = sum(1 << place for place, one in enumerate(operations) if not one.unknown)
    tried: set[tuple[int, Hashable]] = set()
    stack: list[tuple[int, Hashable]] = [(0, start)]
    while stack:
        done, state = stack.pop()
        if done & certain == certain:
            return Verdict.LINEARIZABLE
        steps -= 1
        if steps < 0:
            return Verdict.UNDECIDED
        doubtful: list[tuple[int, Hashable]] = []
        sure: list[tuple[int, Hashable]] = []
        latest = math.inf
        first = (~done & (done + 1)).bit_length() - 1
        for place in range(first, len(operations)):
            operation = operations[place]
            if operation.begin > latest:
                break
            if done >> place & 1:
                continue
            latest = min(latest, operation.end)
            possible, then = after(state, operation)
            if operation.unknown and then == state:
                continue  # It need not have happened at all.
            reached = (done | 1 << place, then)
            if possible and reached not in tried:
                tried.add(reached)
                (doubtful if operation.unknown else sure).append(reached)
        # What is sure, and began first, is tried first: that explains most histories without a detour.
        stack += doubtful
        stack += reversed(sure)
    return Verdict.IMPOSSIBLE


def _at_once(operations: Sequence[Operation]) -> int:
    """Return how many known operations overlapped at most; a client goes on behind one that stays unknown."""
    most, running = 0, list[float]()
    for operation in operations:
        while running and running[0] < operation.begin:
            heapq.heappop(running)
        if not operation.unknown:
            heapq.heappush(running, operation.end)
        most = max(most, len(running))
    return most
