"""A line from the backend, that is rebuilt whenever it breaks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from dfbackends.api import Alive, Confirmed, Denied, Feed, Gone, Head, Position
from dfbackends.errors import BackendError, Closed, Code, ErrorTable, wrapped
from dfbackends.origin import origin
from dfbackends.outage import Outage
from dfbackends.pace import USUAL, Pace, Pauses
from dfbackends.topics import Topics
from dfbackends.watch import Silent, Watch

LOG = logging.getLogger(__name__)

T = TypeVar("T", bound=Hashable)
M = TypeVar("M")
M_contra = TypeVar("M_contra", contravariant=True)


class Listener(Protocol[M_contra]):
    """Who is told what a line brings, in order, by its reader thread; it must neither wait nor raise."""

    def heard(self, messages: Sequence[M_contra], now: float) -> None:
        """Messages arrived, now (time.monotonic)."""

    def lost(self, code: Code) -> None:
        """The line broke. Everything that it brought before was told."""

    def resumed(self, heads: Mapping[Any, Head]) -> None:
        """The line works again and goes on where it broke, with these topics, from these heads. Others were refused."""

    def recovered(self) -> None:
        """The line works again, without any topic."""


class Line(Generic[T, M]):
    """Topics, subscribed on one feed after the other.

    The reader thread starts with the first subscription, and ends when the line is closed, or could not be opened at first.
    """

    def __init__(
        self,
        listen: Callable[[Position | None], Feed[T, M]],
        listener: Listener[M],
        *,
        errors: ErrorTable,
        name: str,
        pace: Pace = USUAL,
    ) -> None:
        self._listen = listen
        self._listener = listener
        self._errors = errors
        self._name = name
        self._pace = pace
        self._pauses = Pauses(pace)
        self._outage = Outage(LOG, f"the line of {name}")
        self._topics: Topics[T] = Topics(errors)
        self._closing = threading.Event()
        # Guards the two below.
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._watch: Watch[T, M] | None = None
        self.breaks: int = 0
        """How many times the line broke."""

    def subscribe(self, topic: T, member: Hashable, effect: Callable[[Head, float], None], until: float) -> None:
        """Subscribe a topic for a member, as ``Topics.ask`` does; the first one opens the line, and gets its error.

        :raises Closed: the line is closed
        """
        with self._lock:
            if self._closing.is_set():
                raise Closed
            if self._thread is None:
                self._topics.failure = None
                self._thread = threading.Thread(target=self._run, name=f"dfbackends-reader-{self._name}", daemon=True)
                self._thread.start()
        self._topics.ask(topic, member, effect, until)

    def unsubscribe(self, topic: T, member: Hashable, wait: float = 5.0) -> None:
        """Give up a topic for a member, who may have lost it long ago."""
        self._topics.give_up(topic, member, wait)

    def distrust(self) -> None:
        """Replace the feed that is up, as if it had fallen silent."""
        self._topics.distrust(Silent())

    def close(self, until: float) -> None:
        """End the line and its thread."""
        with self._lock:
            self._closing.set()
            thread, watch = self._thread, self._watch
        self._topics.close()
        if watch is not None:
            watch.feed.close()
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(0.0, until - time.monotonic()))

    @property
    def thread(self) -> threading.Thread | None:
        """The reader thread, once there is one."""
        return self._thread

    @property
    def connected(self) -> bool:
        """Whether the line works, as far as is known."""
        return self._topics.feed is not None

    @property
    def code(self) -> Code | None:
        """Why the line is down."""
        return self._topics.code

    @property
    def heard(self) -> float | None:
        """When something arrived last, or could have without fail (time.monotonic)."""
        return self._watch.heard if self._watch is not None else None

    def _run(self) -> None:
        try:
            watch = self._opened(None)
        except BaseException as error:  # noqa: BLE001 - it is raised where somebody waits for the line.
            with self._lock:
                self._thread = None
                self._topics.fail(_ordinary(error))
            return
        self._topics.up(watch.feed, set())
        while True:
            began = time.monotonic()
            reason, position = self._follow(watch)
            watch.feed.close()
            if self._closing.is_set():
                return
            if time.monotonic() - began > self._pace.silence:
                self._pauses = Pauses(self._pace)
            code = self._note(reason)
            self.breaks += 1
            self._topics.down(code)
            self._listener.lost(code)
            rebuilt = self._rebuilt(position, code)
            if rebuilt is None:
                return
            watch = rebuilt

    def _opened(self, position: Position | None) -> Watch[T, M]:
        watch = Watch(self._listen(position), self._pace)
        with self._lock:
            if not self._closing.is_set():
                self._watch = watch
                return watch
        watch.feed.close()
        raise Closed

    def _follow(self, watch: Watch[T, M]) -> tuple[Exception, Position | None]:
        """Tell what arrives until the line breaks; return why it did, and the place to go on from."""
        told = False
        try:
            while watch.early:
                self._listener.heard(*watch.early.popleft())
            told = True
            while self._topics.broken is None:
                events, now = watch.receive()
                self._outage.up()
                # Should telling fail, what was received is lost with it: then nobody may go on from there.
                told = False
                self._tell(events, now)
                told = True
        except BaseException as error:  # noqa: BLE001 - whatever it is, the line can not be relied on any more.
            goes_on = told and not isinstance(error, Gone)
            return self._topics.broken or _ordinary(error), watch.feed.position if goes_on else None
        return self._topics.broken, watch.feed.position

    def _tell(self, events: Sequence[M | Confirmed[T] | Denied[T] | Alive], now: float) -> None:
        messages: list[M] = []
        for event in events:
            if isinstance(event, (Confirmed, Denied)):
                self._listener.heard(messages, now)
                messages = []
                self._topics.answer(event, now)
            elif not isinstance(event, Alive):
                messages.append(event)
        if messages:
            self._listener.heard(messages, now)

    def _note(self, error: Exception) -> Code:
        code: Code = "unreachable"
        if isinstance(error, Gone):
            code = "overloaded"
        elif not isinstance(error, Silent):
            failure = wrapped(error, self._errors, "listening")
            code = failure.code if isinstance(failure, BackendError) else code
        self._outage.down(code, origin(error))
        return code

    def _rebuilt(self, position: Position | None, code: Code) -> Watch[T, M] | None:
        while not self._closing.wait(self._pauses.next(code)):
            watch = None
            try:
                watch = self._opened(position)
                if position is None:
                    self._topics.keep(())
                    self._listener.recovered()
                    self._topics.up(watch.feed, set())
                else:
                    self._resume(watch)
            except BaseException as error:  # noqa: BLE001 - whatever it is, the line is to be rebuilt until it is closed.
                if watch is not None:
                    watch.feed.close()
                if isinstance(error, Gone):
                    position = None
                elif not self._closing.is_set():
                    code = self._topics.code = self._note(_ordinary(error))
            else:
                self._outage.up()
                return watch
        return None

    def _resume(self, watch: Watch[T, M]) -> None:
        topics = self._topics.wanted()
        if topics:
            watch.feed.subscribe(topics)
        unanswered = set(topics)
        heads: dict[T, Head] = {}
        until = time.monotonic() + self._pace.answer
        while unanswered:
            if time.monotonic() > until:
                raise Silent
            events, now = watch.receive()
            watch.early.append(([event for event in events if not isinstance(event, (Confirmed, Denied, Alive))], now))
            for event in events:
                if isinstance(event, (Confirmed, Denied)):
                    unanswered.discard(event.topic)
                if isinstance(event, Confirmed):
                    heads[event.topic] = event.head
        self._topics.keep(heads)
        self._listener.resumed(heads)
        self._topics.up(watch.feed, set(heads))


def _ordinary(error: BaseException) -> Exception:
    # A thread that an exit or a cancellation ends would end in silence.
    return error if isinstance(error, Exception) else RuntimeError(type(error).__name__)
