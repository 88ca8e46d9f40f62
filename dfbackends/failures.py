"""Failures that come in numbers, of which a log gets few."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from dfbackends.allowance import Allowance

AGAIN = 600.0
"""Seconds after which the same failure is told again."""


class Failures:
    """Those of one thing. The same one is told once in ten minutes, another one at once, while there is an allowance.

    What is not told is counted, and the count is told with the next one. Any thread.
    """

    def __init__(
        self, log: logging.Logger, level: int = logging.WARNING, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._level = level
        self._clock = clock
        # Guards all below.
        self._lock = threading.Lock()
        self._allowance = Allowance(clock)
        self._last = ""
        self._told_at = 0.0
        self._untold = 0

    def tell(self, kind: str, text: str, *arguments: object) -> None:
        """Tell of one, which is the same as another of its kind. The text must hold neither values nor keys."""
        with self._lock:
            now = self._clock()
            same = kind == self._last and now - self._told_at < AGAIN
            if same or not self._allowance.take():
                self._untold += 1
                self._log.debug(text, *arguments, stacklevel=2)
                return
            others, self._untold, self._last, self._told_at = self._untold, 0, kind, now
            remark = f"; {others} more since the last one told" if others else ""
            self._log.log(self._level, f"{text}%s", *arguments, remark, stacklevel=2)
