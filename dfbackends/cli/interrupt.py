"""Ctrl-C that waits for a step to be done, so that what was done can be told exactly."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType


class Interrupt:
    """While it is open, Ctrl-C ends the program between the steps that are ``held``; a second one ends it at once."""

    def __init__(self) -> None:
        self._holding = False
        self._pending = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Do a step to its end.

        :raises KeyboardInterrupt: somebody pressed Ctrl-C meanwhile
        """
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self._pending:
            raise KeyboardInterrupt

    def __enter__(self) -> Interrupt:
        self._before = signal.getsignal(signal.SIGINT)
        # A program in the background of a script is to ignore what is meant for the one in front.
        if self._before is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._pressed)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _pressed(self, number: int, frame: FrameType | None) -> None:
        if self._holding and not self._pending:
            self._pending = True
        else:
            raise KeyboardInterrupt
