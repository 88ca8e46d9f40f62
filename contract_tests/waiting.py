"""Waiting for what must come, and for what must not.

The two have budgets of their own: the first is long, since it is only used up by a failure; the second is spent in full.
Both are stretched by the environment variable ``DFB_TIME_FACTOR``.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

FACTOR = float(os.environ.get("DFB_TIME_FACTOR", "1"))

SOON = float(os.environ.get("DFB_SOON", "10"))
"""Seconds within which something must come; less where it is sound backends that are the exception."""

QUIET = 0.3
"""Seconds for which something must not come."""

_STEP = 0.01
_clock = threading.Event()


def eventually(holds: Callable[[], bool], what: str, budget: float = SOON) -> None:
    """Return once it holds.

    :raises AssertionError: it did not within the budget
    """
    end = time.monotonic() + budget * FACTOR
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"not within {budget * FACTOR:g} s: {what}")
        _clock.wait(_STEP)


def never(holds: Callable[[], bool], what: str, budget: float = QUIET) -> None:
    """Return when it has not held for the whole budget.

    :raises AssertionError: it did
    """
    end = time.monotonic() + budget * FACTOR
    while time.monotonic() < end:
        if holds():
            raise AssertionError(f"within {budget * FACTOR:g} s: {what}")
        _clock.wait(_STEP)


class Stopwatch:
    """Measures in seconds, with the time factor taken out."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long ago it was made."""
        return (time.monotonic() - self._began) / FACTOR
