"""The mirrors of a backend, which share one line of changes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from functools import partial
from typing import Any

from dfbackends.api import Watching
from dfbackends.catalog import Catalog
from dfbackends.changes import Changes
from dfbackends.errors import Closed
from dfbackends.line import Line
from dfbackends.mirror import Mirror, OnChange, OnState
from dfbackends.outage import Outage
from dfbackends.pace import USUAL, Pace
from dfbackends.reliable import Reliable

_LOG = logging.getLogger(__name__)


class Mirrors:
    """Opens mirrors, and ends them all."""

    def __init__(self, store: Reliable, catalog: Catalog, *, pace: Pace = USUAL) -> None:
        self._store = store
        self._catalog = catalog
        driver = store.driver
        self._pace = pace
        self._changes = Changes(store, driver, pace=pace) if isinstance(driver, Watching) else None
        # All read the same store: when it is away that is told once, and not by each of them.
        self._outage = Outage(_LOG, "reading for mirrors")
        # Guards the two below.
        self._lock = threading.Lock()
        self._mirrors: list[Mirror] = []
        self._closed = False

    @property
    def line(self) -> Line[Any, Any] | None:
        """The line of changes; None where the store does not tell of any."""
        return self._changes.line if self._changes is not None else None

    @property
    def threads(self) -> list[threading.Thread | None]:
        """The threads that were started."""
        return [*(mirror.thread for mirror in self.listed()), self.line.thread if self.line is not None else None]

    def open(
        self,
        table: str,
        *,
        topics: Iterable[str] | None,
        on_change: OnChange | None,
        on_state: OnState | None,
        check_interval: float,
    ) -> Mirror:
        """Return a mirror that has begun to copy.

        :raises InvalidName: the table, or a topic, is not legal
        :raises Closed: the backend is closed
        """
        self._catalog.check(table)
        with self._lock:
            if self._closed:
                raise Closed
            mirror = Mirror(
                self._store,
                table,
                partial(self._catalog.located, table),
                topics=topics,
                changes=self._changes,
                on_change=on_change,
                on_state=on_state,
                check_interval=check_interval,
                pace=self._pace,
                outage=self._outage,
            )
            self._mirrors = [other for other in self._mirrors if not other.closed] + [mirror]
        return mirror

    def listed(self) -> list[Mirror]:
        """Return the mirrors that are open."""
        with self._lock:
            return [mirror for mirror in self._mirrors if not mirror.closed]

    def close(self, until: float) -> None:
        """End all mirrors and their line, by the time given (time.monotonic). Idempotent."""
        with self._lock:
            self._closed = True
            mirrors, self._mirrors = self._mirrors, []
        for mirror in mirrors:
            mirror.stop()
        if self._changes is not None:
            self._changes.close(until)
        for mirror in mirrors:
            mirror.close(max(0.0, until - time.monotonic()))
