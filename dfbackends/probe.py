"""A question to a backend that nobody has to wait for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from dfbackends.errors import Code, ErrorTable, understand

WITHIN = 0.6
"""Seconds after which an answer comes too late: what promises one within a second needs time of its own on a busy machine."""


class Asked:
    """A question that was asked."""

    def __init__(self) -> None:
        self.began: float = time.monotonic()
        self.answered: threading.Event = threading.Event()
        self.found: Code | None = None

    def code(self, late: Code) -> Code | None:
        """Return None for a good answer, else why there is none; ``late`` where there is none in time."""
        remaining = self.began + WITHIN - time.monotonic()
        return self.found if self.answered.wait(max(0.0, remaining)) else late


class Probe:
    """Asks by a thread of its own, one question at a time: one that has no answer yet is the next one, too."""

    def __init__(self, name: str, call: Callable[[], object], errors: ErrorTable) -> None:
        self._name = name
        self._call = call
        self._errors = errors
        # Guards the two below.
        self._lock = threading.Lock()
        self._asked: Asked | None = None
        self._thread: threading.Thread | None = None

    def ask(self) -> Asked:
        """Return the question that is asked now."""
        with self._lock:
            if self._asked is not None and not self._asked.answered.is_set():
                return self._asked
            asked = Asked()
            thread = threading.Thread(target=self._run, args=(asked,), name=self._name, daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # The process has no room for another thread.
                asked.found = "overloaded"
                asked.answered.set()
            else:
                self._asked, self._thread = asked, thread
            return asked

    @property
    def thread(self) -> threading.Thread | None:
        """The thread that asked last."""
        return self._thread

    def close(self, until: float) -> None:
        """Wait until the time given (time.monotonic) for a question that is under way."""
        thread = self._thread
        if thread is not None:
            thread.join(max(0.0, until - time.monotonic()))

    def _run(self, asked: Asked) -> None:
        try:
            self._call()
        except Exception as error:  # noqa: BLE001 - whatever it is, there was no good answer.
            asked.found = understand(error, self._errors).code
        finally:
            asked.answered.set()
