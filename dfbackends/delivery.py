"""Call handlers: in order, one call at a time for each, without ever making the reader wait."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue

from dfbackends.backlog import Backlog
from dfbackends.failures import Failures
from dfbackends.loss import Loss
from dfbackends.origin import origin

LOG = logging.getLogger(__name__)

SLICE = 0.01
"""Seconds for which one recipient keeps a thread while others wait for it."""

STUCK = 5.0
"""Seconds after which a call counts as stuck."""

_KEEP = 15 / 16


@dataclass(eq=False)
class Recipient:
    """One who gets messages and notices, by calls of ``hand``."""

    name: str
    backlog: Backlog
    hand: Callable[[bytes | Loss], None]
    handed: int = 0
    malformed: int = 0
    ended: bool = False
    scheduled: bool = False
    running: threading.Thread | None = None
    since: float = 0.0
    finished: threading.Event = field(default_factory=threading.Event)
    failures: Failures = field(default_factory=lambda: Failures(LOG, logging.ERROR))


Item = tuple[Sequence[Recipient], bytes | Loss]
"""A message or notice, and who gets it."""


@dataclass(frozen=True)
class Load:
    """What a delivery is doing."""

    messages: int
    bytes: int
    delivered: int
    overflowed: int
    malformed: int
    errors: int
    threads: int
    stuck: tuple[str, ...]


class Delivery:
    """Backlogs, and the threads that empty them.

    All backlogs together hold at most ``most`` bytes, with 64 bytes a message on top. Where they hold more the largest gives up
    messages by its own policy, so that a handler that keeps up loses nothing to one that does not.
    """

    def __init__(self, *, threads: int = 1, most: int = 64 << 20, stuck: float = STUCK) -> None:
        if threads < 1:
            raise ValueError("threads is at least 1")
        # Guards the recipients with their backlogs, the counters and the threads. No handler is called under it.
        self._lock = threading.Lock()
        self._recipients: set[Recipient] = set()
        self._ready: SimpleQueue[Recipient | None] = SimpleQueue()
        self._wanted = threads
        self._threads: list[threading.Thread] = []
        self._calls: dict[threading.Thread, Recipient] = {}
        self._closed = False
        self._most = most
        self._stuck = stuck
        self._load = 0
        self._delivered = 0
        self._overflowed = 0
        self._malformed = 0
        self._errors = 0

    def start(self, recipient: Recipient) -> None:
        """Begin to serve a recipient."""
        with self._lock:
            if self._closed:
                return
            self._recipients.add(recipient)
            while len(self._threads) < self._wanted:
                name = f"dfbackends-handler-{len(self._threads) + 1}"
                thread = threading.Thread(target=self._run, name=name, daemon=True)
                thread.start()
                self._threads.append(thread)

    def put(self, items: Iterable[Item]) -> None:
        """Queue messages and notices, in order."""
        with self._lock:
            for recipients, item in items:
                for recipient in recipients:
                    if not recipient.ended:
                        self._load += recipient.backlog.put(item)
                        if not recipient.scheduled:
                            recipient.scheduled = True
                            self._ready.put(recipient)
            if self._load > self._most:
                self._relieve()

    def stop(self, recipient: Recipient) -> None:
        """Start no call any more."""
        with self._lock:
            self._end(recipient)

    def wait(self, recipient: Recipient, until: float) -> None:
        """Wait for the call that runs; not in a handler, which might wait for itself."""
        with self._lock:
            running = recipient.running
        if running is not None and not self.is_handler():
            recipient.finished.wait(max(0.0, until - time.monotonic()))

    @property
    def threads(self) -> list[threading.Thread]:
        """Those that call handlers."""
        with self._lock:
            return list(self._threads)

    def is_handler(self) -> bool:
        """Tell whether a handler asks."""
        return threading.current_thread() in self._threads

    def close(self, until: float) -> None:
        """End all recipients, wait for the calls that run, and name those that do not end in the log."""
        with self._lock:
            self._closed = True
            for recipient in list(self._recipients):
                self._end(recipient)
            threads = list(self._threads)
        for _ in threads:
            self._ready.put(None)
        others = [thread for thread in threads if thread is not threading.current_thread()]
        for thread in others:
            thread.join(max(0.0, until - time.monotonic()))
        with self._lock:
            left = [(thread.name, self._calls[thread].name) for thread in others if thread in self._calls]
        for thread_name, name in left:
            LOG.warning("%s has not ended; it stays on its thread %s", name, thread_name)

    def load(self) -> Load:
        """Return what waits, what was done, and the recipients whose call does not end."""
        now = time.monotonic()
        with self._lock:
            recipients = list(self._recipients)
            backlogs = [recipient.backlog for recipient in recipients]
            calls = list(self._calls.values())
            return Load(
                messages=sum(backlog.messages for backlog in backlogs),
                bytes=sum(backlog.bytes for backlog in backlogs),
                delivered=self._delivered + sum(recipient.handed for recipient in recipients),
                overflowed=self._overflowed + sum(backlog.dropped for backlog in backlogs),
                malformed=self._malformed + sum(recipient.malformed for recipient in recipients),
                errors=self._errors,
                threads=sum(thread.is_alive() for thread in self._threads),
                stuck=tuple(call.name for call in calls if self._closed or now - call.since > self._stuck),
            )

    def _end(self, recipient: Recipient) -> None:
        if not recipient.ended:
            recipient.ended = True
            self._recipients.discard(recipient)
            self._load -= recipient.backlog.clear()
            self._overflowed += recipient.backlog.dropped
            self._malformed += recipient.malformed
            self._delivered += recipient.handed

    def _relieve(self) -> None:
        while self._load > self._most * _KEEP:
            largest = max(self._recipients, key=lambda recipient: recipient.backlog.load)
            self._load -= largest.backlog.shed_half()

    def _run(self) -> None:
        while recipient := self._ready.get():
            self._serve(recipient)

    def _serve(self, recipient: Recipient) -> None:
        """Hand over what waits for a recipient, for one slice of time."""
        thread = threading.current_thread()
        rest: Sequence[bytes | Loss] = ()
        until = time.monotonic() + SLICE
        with self._lock:
            recipient.running = thread
            recipient.finished.clear()
            self._calls[thread] = recipient
        while True:
            with self._lock:
                if rest and not recipient.ended:
                    self._load += recipient.backlog.put_back(rest)
                over = time.monotonic() > until
                some, load = ((), 0) if over else recipient.backlog.take()
                self._load -= load
                if not some:
                    self._yield(recipient, thread)
                    return
            rest = self._hand(recipient, some, until)

    def _hand(self, recipient: Recipient, items: Sequence[bytes | Loss], until: float) -> Sequence[bytes | Loss]:
        """Hand over some, and return the rest when the time is over."""
        hand = recipient.hand
        recipient.since = time.monotonic()
        for place, item in enumerate(items):
            if recipient.ended:
                break
            if item.__class__ is bytes:
                recipient.handed += 1
            try:
                hand(item)
            except BaseException as error:  # noqa: BLE001 - whatever a handler raises, the next message is delivered.
                where = origin(error)
                recipient.failures.tell(where, "%s failed: %s", recipient.name, where)
                with self._lock:
                    self._errors += 1
            recipient.since = now = time.monotonic()
            if now > until:
                return items[place + 1 :]
        return ()

    def _yield(self, recipient: Recipient, thread: threading.Thread) -> None:
        recipient.running = None
        recipient.finished.set()
        del self._calls[thread]
        recipient.scheduled = bool(recipient.backlog)
        if recipient.scheduled:
            self._ready.put(recipient)
