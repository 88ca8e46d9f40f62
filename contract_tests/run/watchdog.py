"""The end of a case that nothing else can end."""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_GRACE = 60.0
"""Seconds after the time-out of a case, which a signal tells the thread that runs it, also while it waits for a lock."""


class Watchdog:
    """Shows the stacks of all threads and ends the process, if a case does not heed its time-out."""

    def __init__(self, grace: float = _GRACE) -> None:
        self._grace = grace
        # Not the one that pytest captures, since nobody is left to show it.
        self._output = os.dup(sys.__stderr__.fileno() if sys.__stderr__ is not None else 2)

    @contextmanager
    def over(self, timeout: float) -> Iterator[None]:
        """Watch over a block that should take no longer than so many seconds."""
        faulthandler.dump_traceback_later(timeout + self._grace, exit=True, file=self._output)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()

    def close(self) -> None:
        """Give up the output."""
        os.close(self._output)
