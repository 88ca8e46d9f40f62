"""Threads that change places in the middle of calls."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SHARE = 0.02
_MOMENT = 1e-6


@contextmanager
def interleaved(chosen: random.Random) -> Iterator[None]:
    """Let the thread that is in this block give way at some of the calls that it makes, each time for a moment.

    The interpreter lets a thread run for longer than a call on a fast store takes: of threads that are left alone hardly any
    two calls overlap.
    """

    def give_way(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and chosen.random() < _SHARE:
            time.sleep(_MOMENT)

    before = sys.getprofile()
    sys.setprofile(give_way)
    try:
        yield
    finally:
        sys.setprofile(before)
