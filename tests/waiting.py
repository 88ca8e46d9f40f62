"""Wait for what other threads do, with a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PATIENCE = 10.0
"""Seconds after which a test that waits has failed."""


def eventually(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Return when a condition holds of which nothing tells: it is looked at every few milliseconds."""
    until = time.monotonic() + seconds
    never = threading.Event()
    while not condition():
        assert time.monotonic() < until, "it never came true"
        never.wait(0.003)


def background(call: Callable[[], object]) -> Callable[[], BaseException | None]:
    """Start a call; the function returned waits for it, and returns what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def result() -> BaseException | None:
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the call has not ended"
        return raised[0] if raised else None

    return result
