"""Whether a feed is alive, though nothing comes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

from dfbackends.api import Alive, Confirmed, Denied, Feed
from dfbackends.pace import Pace

T = TypeVar("T", bound=Hashable)
M = TypeVar("M")


class Silent(Exception):
    """Nothing arrived, not even the answer to a probe."""


class Watch(Generic[T, M]):
    """Receives from a feed, and notices when it has fallen silent."""

    def __init__(self, feed: Feed[T, M], pace: Pace) -> None:
        self.feed = feed
        self.heard: float = time.monotonic()
        self.early: deque[tuple[list[M], float]] = deque()
        """Messages that arrived before the line was taken into use, and when."""
        self._pace = pace
        self._probed: float | None = None

    def receive(self) -> tuple[Sequence[M | Confirmed[T] | Denied[T] | Alive], float]:
        """Return what is at hand, and when it arrived.

        :raises Silent: the line is deaf
        """
        limit = self.heard + self._pace.silence if self._probed is None else self._probed + self._pace.proof
        events = self.feed.receive(min(max(0.0, limit - time.monotonic()), 1.0))
        now = time.monotonic()
        if events:
            self.heard, self._probed = now, None
        elif now >= limit and self._probed is not None:
            raise Silent
        elif now >= limit and self.feed.probe():
            self._probed = now
        elif now >= limit:
            self.heard = now
        return events, now
