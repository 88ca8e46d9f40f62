"""Lets many calls pass at once, or one alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """A fault is laid for the next request of a handle; so the call that it is meant for must be the only one under way."""

    def __init__(self) -> None:
        # Guards the two below.
        self._changed = threading.Condition()
        self._passing = 0
        self._alone = 0

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Pass beside others, when nobody is alone or waits to be."""
        with self._changed:
            self._changed.wait_for(lambda: not self._alone)
            self._passing += 1
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Pass when all others have."""
        with self._changed:
            self._changed.wait_for(lambda: not self._alone)
            self._alone += 1
            self._changed.wait_for(lambda: not self._passing)
        try:
            yield
        finally:
            with self._changed:
                self._alone -= 1
                self._changed.notify_all()

    def _leave(self) -> None:
        with self._changed:
            self._passing -= 1
            self._changed.notify_all()
