"""One call on a key, as its client saw it: what histories are made of."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import NamedTuple


class Operation(NamedTuple):
    """One call on a key. Each write has a value of its own.

    ``verb`` is get, put, create, update, delete or swap; ``value`` is what was written, or what get returned (None: not
    found); ``expected`` is the value whose revision a swap was given. ``refused`` where the expectation of create, update,
    delete or swap did not hold. An operation whose outcome is unknown has no end; one that definitely failed does not belong
    into a history. ``revision`` is the one that was answered, None where the answer has none.
    """

    verb: str
    value: Hashable = None
    expected: Hashable = None
    refused: bool = False
    begin: float = 0.0
    end: float = math.inf
    revision: int | None = None

    @property
    def unknown(self) -> bool:
        """Whether nobody knows if it took effect."""
        return self.end == math.inf

    @property
    def writes(self) -> bool:
        """Whether it puts a value in the place of what was there."""
        return self.verb not in {"get", "delete"}
