"""The topics of a line: who wants them, and who waits for the backend to confirm one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Container, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from dfbackends.api import Confirmed, Denied, Feed, Head
from dfbackends.errors import Closed, Code, Error, ErrorTable, OutcomeUnknown, Refused, Unavailable, wrapped
from dfbackends.questions import Question, Questions

LOG = logging.getLogger(__name__)

T = TypeVar("T", bound=Hashable)


class Topics(Generic[T]):
    """What members want of the feed that is up, if one is.

    Confirmations come in the order in which the backend was asked, so that they need no names.
    """

    def __init__(self, errors: ErrorTable) -> None:
        self._errors = errors
        # Held while something is sent, so that the backend is asked in the order of the notes below. The reader never takes it.
        self._sending = threading.Lock()
        # Guards all below; held for moments only.
        self._changed = threading.Condition(threading.Lock())
        self._feed: Feed[T, Any] | None = None
        self._closed = False
        self._wanted: dict[T, set[Hashable]] = {}
        self._asked: Questions[T] = Questions()
        self.failure: Exception | None = None
        """Why the line could not be opened."""
        self.broken: Exception | None = None
        """Why the feed has to be given up, though it does not say so itself."""
        self.code: Code | None = None
        """Why the line is down."""

    @property
    def feed(self) -> Feed[T, Any] | None:
        """The feed that is up."""
        return self._feed

    def ask(self, topic: T, member: Hashable, effect: Callable[[Head, float], None], until: float) -> None:
        """Ask the backend once, and return when it has confirmed.

        ``effect`` is called by the reader, with the head and the time, at the place of the confirmation.

        :raises Refused: the backend denied the topic
        :raises Unavailable: no line, no answer by then, or the line broke before the answer
        """
        while True:
            self._wait_for_a_line(until)
            with self._sender(until):
                question = Question(member, effect)
                feed = self._note(topic, question)
                if feed is not None:
                    self._send(feed, topic, question)
                    break
        question.answered.wait(max(0.0, until - time.monotonic()))
        with self._changed:
            late = not question.settled
            question.settled = True
        if late:
            if question.joins:
                self.give_up(topic, member, 0.1)
            raise Unavailable("subscribing failed: the backend did not confirm in time", code="overloaded")
        question.answered.wait()
        if question.error is not None:
            raise question.error

    def give_up(self, topic: T, member: Hashable, wait: float) -> None:
        """Want a topic no more; the last member who does tells the backend."""
        held = self._sending.acquire(timeout=wait)
        try:
            with self._changed:
                feed = self._feed if self._leave(topic, member) else None
            if feed is not None and held:
                _unsubscribe(feed, [topic])
        finally:
            if held:
                self._sending.release()

    def answer(self, event: Confirmed[T] | Denied[T], now: float) -> None:
        """Settle the oldest question about a topic; for the reader."""
        with self._changed:
            question = self._asked.next(event.topic)
            if question is None or question.settled:
                return
            question.settled = True
            if isinstance(event, Denied):
                question.error = self.not_done(event.error)
                if question.joins:
                    self._leave(event.topic, question.member)
        try:
            if isinstance(event, Confirmed):
                question.effect(event.head, now)
        except BaseException as error:
            question.error = Unavailable(f"subscribing failed: {type(error).__name__}", code="protocol")
            raise
        finally:
            question.answered.set()

    def wanted(self) -> list[T]:
        """Return what is wanted."""
        with self._changed:
            return list(self._wanted)

    def keep(self, topics: Container[T]) -> None:
        """Forget what is wanted beside these."""
        with self._changed:
            self._wanted = {topic: members for topic, members in self._wanted.items() if topic in topics}

    def up(self, feed: Feed[T, Any], subscribed: set[T]) -> None:
        """Let everybody use a feed; of what is subscribed there, give up what nobody wants any more."""
        while True:
            with self._changed:
                unwanted = subscribed - self._wanted.keys()
                if not unwanted:
                    self._feed = feed
                    self.failure = self.broken = self.code = None
                    self._changed.notify_all()
                    return
            subscribed -= unwanted
            _unsubscribe(feed, list(unwanted))

    def down(self, code: Code | None) -> None:
        """Take the feed away, and fail who waits for an answer on it."""
        with self._changed:
            self._feed = None
            self.code = code
            for topic, question in self._asked.clear():
                if question.joins:
                    self._leave(topic, question.member)
                if not question.settled:
                    question.settled = True
                    question.error = Closed()
                    if code is not None and not self._closed:
                        question.error = Unavailable(f"subscribing failed: the line broke ({code})", code=code)
                    question.answered.set()

    def fail(self, failure: Exception) -> None:
        """Fail who waits for a line that could not be opened."""
        with self._changed:
            self.failure = failure
            self._changed.notify_all()

    def distrust(self, reason: Exception, feed: Feed[T, Any] | None = None) -> None:
        """Have the feed that is up given up, if it is this one where one is named."""
        with self._changed:
            doubtful = self._feed if feed in (None, self._feed) else None
            if doubtful is not None:
                self.broken = reason
        if doubtful is not None:
            doubtful.close()

    def close(self) -> None:
        """Fail who waits, and who comes."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.down(None)

    def not_done(self, error: Exception) -> Error:
        """Return what to raise for a failed request: it changed nothing, even where nobody knows what the backend did."""
        failure = wrapped(error, self._errors, "subscribing")
        if isinstance(failure, OutcomeUnknown):
            failure = Unavailable(str(failure), code=failure.code)
        if failure is not error:
            failure.__cause__ = error
        return failure

    def _wait_for_a_line(self, until: float) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: self._feed or self._closed or self.failure, timeout=max(0.0, until - time.monotonic())
            )
            if self._closed:
                raise Closed
            if self._feed is None:
                if self.failure is not None:
                    raise self.not_done(self.failure)
                raise Unavailable("subscribing failed: the line is down", code=self.code or "unreachable")

    @contextmanager
    def _sender(self, until: float) -> Iterator[None]:
        if not self._sending.acquire(timeout=max(0.0, until - time.monotonic())):
            raise Unavailable("subscribing failed: the line accepts nothing", code="overloaded")
        try:
            yield
        finally:
            self._sending.release()

    def _note(self, topic: T, question: Question) -> Feed[T, Any] | None:
        with self._changed:
            if self._feed is not None:
                members = self._wanted.setdefault(topic, set())
                question.joins = question.member not in members
                members.add(question.member)
                self._asked.add(topic, question)
            return self._feed

    def _send(self, feed: Feed[T, Any], topic: T, question: Question) -> None:
        try:
            feed.subscribe([topic])
        except Exception as error:  # noqa: BLE001 - its meaning is raised.
            failure = self.not_done(error)
            # Whether it was sent is not known, so that the next answer might be taken for another one.
            doubtful = not isinstance(failure, Refused)
            with self._changed:
                if not question.settled:
                    self._asked.remove(topic, question)
                    if question.joins:
                        self._leave(topic, question.member)
            if doubtful:
                self.distrust(error, feed)
            raise failure from failure.__cause__

    def _leave(self, topic: T, member: Hashable) -> bool:
        members = self._wanted.get(topic, set())
        if member not in members:
            return False
        members.discard(member)
        if not members:
            del self._wanted[topic]
        return not members


def _unsubscribe(feed: Feed[T, Any], topics: Sequence[T]) -> None:
    try:
        feed.unsubscribe(topics)
    except Exception as error:  # noqa: BLE001 - the line broke, as its reader finds, too; and then nothing is subscribed.
        LOG.debug("unsubscribing failed: %s", type(error).__name__)
