"""Clients that write and publish without a pause, and what became of each call."""

from __future__ import annotations

import threading
import time
from collections import Counter
from types import TracebackType
from typing import Any, NamedTuple

import dfbackends
from dfbackends import BackendError, OutcomeUnknown, Reason
from tests.inbox import Inbox

_PAUSE = 0.002


class Call(NamedTuple):
    """A write of an entry of its own."""

    key: str
    began: float
    took: float
    error: BackendError | None

    @property
    def ended(self) -> float:
        """When it returned or raised."""
        return self.began + self.took


class Load:
    """Ends with its ``with`` block. What is published are the numbers from 0 on, those that raised among them."""

    def __init__(self, backend: dfbackends.Backend, table: str, topic: str = "", *, writers: int = 2, size: int = 10) -> None:
        self.calls: list[Call] = []
        self._backend = backend
        self._table, self._topic = table, topic
        self._value = "x" * size
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(writers)]
        if topic:
            self._threads.append(threading.Thread(target=self._publish))
        self.published = 0
        self.unsent: set[int] = set()
        """The numbers of which it was said that they were not sent."""

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def done(self) -> set[str]:
        """The keys of the writes that have returned."""
        return {call.key for call in list(self.calls) if call.error is None}

    @property
    def errors(self) -> Counter[str]:
        """What was raised how often."""
        return Counter(f"{type(call.error).__name__} {call.error.code}" for call in list(self.calls) if call.error is not None)

    def after(self, when: float) -> float | None:
        """Return how long after a time the first write has ended that began then or later, and returned."""
        ends = [call.ended for call in list(self.calls) if call.began >= when and call.error is None]
        return min(ends) - when if ends else None

    def _write(self, number: int) -> None:
        count = 0
        while not self._stop.wait(_PAUSE):
            count += 1
            began, error = time.monotonic(), None
            key = f"{number}-{count}"
            try:
                self._backend.db.put(self._table, key, self._value)
            except BackendError as raised:
                error = raised
            self.calls.append(Call(key, began, time.monotonic() - began, error))

    def _publish(self) -> None:
        while not self._stop.wait(_PAUSE):
            number, self.published = self.published, self.published + 1
            try:
                self._backend.pubsub.publish(self._topic, number)
            except OutcomeUnknown:
                continue
            except BackendError:
                self.unsent.add(number)


def unnoticed(inbox: Inbox, load: Load) -> list[tuple[Any, Any]]:
    """Return the neighbours among the numbers received between which some are missing, and nobody was told: neither the one
    who was to hear them, nor the one who sent them."""
    found = []
    before: int | None = None
    told = True
    for item in inbox.story:
        if isinstance(item, Reason):
            told = True
            continue
        if before is not None and not told and set(range(before + 1, item)) - load.unsent:
            found.append((before, item))
        before, told = item, False
    return found
