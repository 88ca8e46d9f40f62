"""Whether a concurrent history of one key can be explained by an order in which each operation took effect at once.

The algorithm of Wing and Gong, with Lowe's memory of what was tried. An operation whose outcome is unknown may have taken
effect at any time after it began, or not at all; one that definitely failed does not belong into a history.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from typing import NamedTuple, TypeVar

State = TypeVar("State", bound=Hashable)


class Operation(NamedTuple):
    """One call on a key. Each write has a value of its own.

    ``verb`` is get, put, create, update, delete or swap; ``value`` is what was written, or what get returned (None: not
    found); ``expected`` is the value whose revision a swap was given. ``refused`` where the expectation of create, update,
    delete or swap did not hold. An operation whose outcome is unknown has no end.
    """

    verb: str
    value: Hashable = None
    expected: Hashable = None
    refused: bool = False
    begin: float = 0.0
    end: float = math.inf

    @property
    def unknown(self) -> bool:
        """Whether nobody knows if it took effect."""
        return self.end == math.inf


class Undecided(Exception):
    """The search took too many steps."""


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


def linearizable(history: Iterable[Operation], start: Hashable = None, steps: int = 2_000_000) -> bool:
    """Tell whether a history of one key, which held ``start`` at its beginning, is linearizable.

    :raises Undecided: it could not be found out in so many steps
    """
    # Reads of which nobody knows the answer say nothing.
    operations = sorted((one for one in history if not (one.unknown and one.verb == "get")), key=lambda one: one.begin)
    certain = sum(1 << place for place, one in enumerate(operations) if not one.unknown)
    tried: set[tuple[int, Hashable]] = set()
    stack: list[tuple[int, Hashable]] = [(0, start)]
    while stack:
        done, state = stack.pop()
        if done & certain == certain:
            return True
        steps -= 1
        if steps < 0:
            raise Undecided
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
    return False
