"""Lets many calls pass at once, or one alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Gate:
    """A trap is laid for the next request of a handle; until that has come, the call that makes it must be the only one."""

    def __init__(self) -> None:
        # Guards the two below.
        self._changed = threading.Condition()
        self._passing = 0
        self._alone: object = None

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Pass beside others, when nobody is alone or waits to be."""
        with self._changed:
            self._changed.wait_for(lambda: self._alone is None)
            self._passing += 1
        try:
            yield
        finally:
            with self._changed:
                self._passing -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[Callable[[], None]]:
        """Pass when all others have; they may follow when this has ended, or has called what is yielded."""
        me = object()
        with self._changed:
            self._changed.wait_for(lambda: self._alone is None)
            self._alone = me
            self._changed.wait_for(lambda: not self._passing)

        def go_on() -> None:
            with self._changed:
                if self._alone is me:
                    self._alone = None
                    self._changed.notify_all()

        try:
            yield go_on
        finally:
            go_on()
