"""How many lines one thing may write to a log, however often it fails."""

from __future__ import annotations

import time
from collections.abc import Callable

BURST = 4
REFILL = 300.0


class Allowance:
    """Four lines at once, and another one each 300 seconds: six in ten minutes. Not for several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left = float(BURST)
        self._at = clock()

    def take(self) -> bool:
        """Return whether one more may be written, which then is."""
        now = self._clock()
        self._left = min(float(BURST), self._left + (now - self._at) / REFILL)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
