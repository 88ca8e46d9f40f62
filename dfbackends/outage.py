"""Whether something is down, and why: told to a log when it changes, and not each time that it is tried."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable

from dfbackends.allowance import Allowance
from dfbackends.errors import Code


class Outage:
    """Something that is tried again and again, by one or by several members, until none of them fails.

    Its beginning is a line, and so is each other reason that it comes to have, and its end. Where outages follow each other
    faster than an allowance has lines, the end is told as soon as there is one again, with how much was not told. Any thread.
    """

    def __init__(self, log: logging.Logger, what: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._what = what
        # Guards all below.
        self._lock = threading.Lock()
        self._allowance = Allowance(clock)
        self._failing: set[Hashable] = set()
        self._code: Code | None = None
        self._told: set[Code] = set()
        self._untold = 0

    def down(self, code: Code, why: str, member: Hashable = None) -> None:
        """A member failed. ``why`` must hold neither values nor keys."""
        with self._lock:
            self._failing.add(member)
            before, self._code = self._code, code
            if code not in self._told and self._tell(logging.WARNING, f"is down: {code} ({why})", changed=code != before):
                self._told.add(code)

    def up(self, member: Hashable = None) -> None:
        """A member did not fail; to be called each time, also where none ever failed."""
        if not self._told and not self._failing:
            return
        with self._lock:
            self._failing.discard(member)
            if not self._failing:
                before, self._code = self._code, None
                if self._told and self._tell(logging.INFO, "works again", changed=before is not None):
                    self._told.clear()

    def leave(self, member: Hashable) -> None:
        """A member is tried no more, which says nothing about what it was tried on."""
        with self._lock:
            self._failing.discard(member)
            if not self._failing:
                self._code = None
                self._told.clear()

    def _tell(self, level: int, text: str, *, changed: bool) -> bool:
        if not self._allowance.take():
            if changed:
                self._untold += 1
                self._log.debug("%s %s", self._what, text, stacklevel=3)
            return False
        others, self._untold = self._untold, 0
        remark = f"; it changed {others} times more since this was told last" if others else ""
        self._log.log(level, "%s %s%s", self._what, text, remark, stacklevel=3)
        return True
