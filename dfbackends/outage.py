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

    Its beginning, each change of its reason and its end are a line each. Where they come faster than an allowance, what holds
    is told as soon as there is one again, with how many changes were not told. Any thread.
    """

    def __init__(self, log: logging.Logger, what: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._what = what
        # Guards all below.
        self._lock = threading.Lock()
        self._allowance = Allowance(clock)
        self._failing: set[Hashable] = set()
        self._code: Code | None = None
        self._told: Code | None = None
        self._untold = 0

    def down(self, code: Code, why: str, member: Hashable = None) -> None:
        """A member failed. ``why`` must hold neither values nor keys."""
        with self._lock:
            self._failing.add(member)
            changed, self._code = code != self._code, code
            self._tell(f"is down: {code} ({why})", changed=changed)

    def up(self, member: Hashable = None) -> None:
        """A member did not fail; to be called each time, also where none ever failed."""
        if self._told is None and not self._failing:
            return
        with self._lock:
            self._failing.discard(member)
            if not self._failing:
                changed, self._code = self._code is not None, None
                self._tell("works again", changed=changed)

    def leave(self, member: Hashable) -> None:
        """A member is tried no more, which says nothing about what it was tried on."""
        with self._lock:
            self._failing.discard(member)
            if not self._failing:
                self._code = self._told = None

    def _tell(self, text: str, *, changed: bool) -> None:
        if self._code == self._told or not self._allowance.take():
            self._untold += changed
            self._log.debug("%s %s", self._what, text, stacklevel=3)
            return
        others, self._untold, self._told = self._untold, 0, self._code
        remark = f"; it changed {others} times more since this was told last" if others else ""
        level = logging.INFO if self._code is None else logging.WARNING
        self._log.log(level, "%s %s%s", self._what, text, remark, stacklevel=3)
