"""A writer at full speed, and who follows it: what both have is compared at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import dfbackends
from contract_tests.waiting import eventually
from dfbackends import BackendError, Changed, Reason
from tests.inbox import Inbox
from tests.servers import Open


class Writer:
    """Creates entries, and publishes their numbers, as fast as it can until the end of its ``with`` block."""

    def __init__(self, backend: dfbackends.Backend) -> None:
        self.written: list[tuple[str, int]] = []
        """Keys and revisions, as they were acknowledged."""
        self.sent: list[int] = []
        self.longest = 0.0
        self.errors: list[BackendError] = []
        self._backend = backend
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def goes_on(self, by: int = 50) -> None:
        """Return when it has written so many more."""
        before = len(self.written)
        eventually(lambda: len(self.written) > before + by or bool(self.errors), "writes", 30)

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            self._timed(partial(self._create, number))
            self._timed(partial(self._publish, number))

    def _create(self, number: int) -> None:
        self.written.append((f"k{number}", self._backend.db.create("t", f"k{number}", number)))

    def _publish(self, number: int) -> None:
        self._backend.pubsub.publish("numbers", number)
        self.sent.append(number)

    def _timed(self, call: Callable[[], None]) -> None:
        began = time.monotonic()
        try:
            call()
        except BackendError as error:
            self.errors.append(error)
        self.longest = max(self.longest, time.monotonic() - began)


class Told:
    """What a mirror tells, and a subscription."""

    def __init__(self, backend: dfbackends.Backend) -> None:
        self.changes: list[tuple[str, int]] = []
        self.inbox = Inbox(renews=False)
        backend.pubsub.subscribe("numbers", self.inbox.on_message, on_loss=self.inbox.on_loss, max_messages=1_000_000)
        self._mirror = backend.mirror("t", on_change=self._changed)
        self._mirror.wait_synced(10)

    def _changed(self, change: Changed) -> None:
        assert change.new is not None
        self.changes.append((change.key, change.new.revision))

    @property
    def synced(self) -> bool:
        return self._mirror.synced

    @property
    def numbers(self) -> list[int]:
        return [item for item in self.inbox.story if not isinstance(item, Reason)]

    @property
    def reasons(self) -> list[Reason]:
        return [item for item in self.inbox.story if isinstance(item, Reason)]

    def equals(self, writer: Writer) -> None:
        """Everything that was acknowledged comes once, in order, and nothing else."""
        last = writer.written[-1]
        eventually(lambda: last in self.changes, "the last change", 20)
        self.inbox.until(writer.sent[-1])
        assert self.changes == writer.written
        assert self.numbers == writer.sent


@contextmanager
def over(url: str, opened: Open) -> Iterator[tuple[Writer, Told]]:
    """Write and follow; at the end all that was written has been told."""
    told = Told(opened(f"{url}deadline=40"))
    with Writer(opened(f"{url}deadline=40&retries=20")) as writer:
        writer.goes_on()
        yield writer, told
        writer.goes_on()
    assert writer.errors == []
    told.equals(writer)
