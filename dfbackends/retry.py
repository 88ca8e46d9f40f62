"""How long, and how often, a call is repeated while a backend is away."""

from __future__ import annotations

import random
import threading
import time
from typing import NamedTuple

from dfbackends.errors import Unavailable


class Patience(NamedTuple):
    """At most ``retries`` repetitions within ``deadline`` seconds of the beginning.

    Repetition i comes after the i-th share in ``spacing`` of the time that the backend needs for a failover; further ones
    after the last.
    """

    retries: int = 3
    deadline: float = 10.0
    spacing: tuple[float, ...] = (0.1, 0.3, 0.6)


class Attempts:
    """The attempts of one call.

    Repetitions are spaced by shares of the time that the backend needs for a failover (a second at least), +-10 %, so that
    the last one comes when a failover is over. None is begun that could not end before the deadline.
    """

    def __init__(self, patience: Patience, *, failover: float, timeout: float, reserve: float = 0.0) -> None:
        self.began: float = time.monotonic()
        self.made: int = 1
        self._retries = patience.retries
        self._spacing = patience.spacing
        self._budget = max(failover, 1.0)
        self._latest = self.began + patience.deadline - timeout - reserve

    def pause(self, closing: threading.Event) -> bool:
        """Wait for the next repetition; return False where there is none, or ``closing`` was set."""
        if self.made > self._retries:
            return False
        share = self._spacing[min(self.made, len(self._spacing)) - 1]
        wait = share * self._budget * random.uniform(0.9, 1.1)
        remaining = self._latest - time.monotonic()
        if remaining <= 0:
            return False
        self.made += 1
        return not closing.wait(min(wait, remaining))


class Rounds:
    """The rounds of a call that begins again each time that another client was quicker."""

    def __init__(self, patience: Patience) -> None:
        self._until = time.monotonic() + patience.deadline

    def begin(self) -> None:
        """Return when another round may begin.

        :raises Unavailable: the deadline is over
        """
        if time.monotonic() >= self._until:
            raise Unavailable("other clients were quicker until the deadline was over", code="overloaded")
