"""Send messages in sequence, and again while it is not certain that they were sent."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from dfbackends.api import Message, PubSubApi
from dfbackends.envelope import message
from dfbackends.errors import BackendError, Closed, Error, OutcomeUnknown, Unavailable, wrapped
from dfbackends.heartbeats import INTERVALS, Heartbeats, Track
from dfbackends.retry import Attempts, Patience

_TOPICS = 10_000


class Publisher:
    """Gives each message its place in the sequence of its topic.

    Each topic has a lock of its own, held while its messages are sent: they leave in order, and a topic whose message is being
    repeated does not hold up the others.
    """

    def __init__(
        self, driver: PubSubApi, patience: Patience, *, intervals: Sequence[float] = INTERVALS, topics: int = _TOPICS
    ) -> None:
        """Remember at least so many topics, and more where they are in use."""
        self._driver = driver
        self._patience = patience
        self._quiet = intervals[-1] + 60.0
        self._closing = threading.Event()
        self._heartbeats = Heartbeats(driver.publish, intervals)
        # Guards the three below.
        self._lock = threading.Lock()
        self._name = _new_name()
        self._tracks: dict[str, Track] = {}
        self._topics = self._sweep_at = topics

    def publish(self, items: Sequence[tuple[str, bytes]]) -> None:
        """Send encoded data to topics, in one call of the driver.

        :raises Unavailable: nothing was sent
        :raises Refused: the backend said no; nothing was sent
        :raises OutcomeUnknown: they may have been sent, and are in the sequence: nobody gets others in their place
        """
        attempts = Attempts(self._patience, failover=self._driver.failover, timeout=self._driver.timeout)
        until = attempts.began + self._patience.deadline - self._driver.timeout
        tracks = self._tracked({topic for topic, _ in items})
        held: list[Track] = []
        try:
            # In the order of their names, so that no two callers wait for each other.
            for topic in sorted(tracks):
                if not tracks[topic].lock.acquire(timeout=max(0.0, until - time.monotonic())):
                    raise Unavailable("publishing failed: messages before these are still being sent", code="overloaded")
                held.append(tracks[topic])
            if self._closing.is_set():
                raise Closed
            self._send(_messages(items, tracks, time.monotonic()), tracks, attempts)
        finally:
            for track in held:
                track.lock.release()

    @property
    def thread(self) -> threading.Thread | None:
        """The one that sends heartbeats, while there are any."""
        return self._heartbeats.thread

    def close(self, until: float) -> None:
        """End repetitions, and send the last heartbeats."""
        self._closing.set()
        self._heartbeats.close(until)

    def _send(self, messages: Sequence[Message], tracks: Mapping[str, Track], attempts: Attempts) -> None:
        started = time.monotonic()
        sent = False
        try:
            while True:
                # Pessimistic, since a signal may interrupt the call.
                before, sent, started = sent, True, time.monotonic()
                try:
                    self._driver.publish(messages)
                except Exception as error:
                    failure = wrapped(error, self._driver.errors, "publishing")
                    sent = before or isinstance(failure, OutcomeUnknown)
                    repeatable = isinstance(failure, (Unavailable, OutcomeUnknown))
                    if not (repeatable and attempts.pause(self._closing)):
                        raise _definite(failure, sent=sent) from error
                else:
                    return
        finally:
            # Who was not sent leaves his place to the next one, else that one would look like the second after a lost one.
            if sent:
                self._commit(messages, tracks, started)

    def _commit(self, messages: Sequence[Message], tracks: Mapping[str, Track], started: float) -> None:
        for track in tracks.values():
            # In this order: who reads them without the lock, in the other, gets no age that is too large.
            track.sent = started
        for sent in messages:
            tracks[sent.topic].sequence += 1
        self._heartbeats.follow(list(tracks.values()))

    def _tracked(self, topics: AbstractSet[str]) -> dict[str, Track]:
        with self._lock:
            if len(self._tracks) >= self._sweep_at:
                self._sweep()
            for topic in topics - self._tracks.keys():
                self._tracks[topic] = Track(self._name, topic)
            return {topic: self._tracks[topic] for topic in topics}

    def _sweep(self) -> None:
        """Forget the topics whose heartbeats have ended. Should one be used again, that is as if by a new publisher."""
        quiet = time.monotonic() - self._quiet
        self._tracks = {topic: track for topic, track in self._tracks.items() if track.sent > quiet or track.lock.locked()}
        self._sweep_at = max(self._topics, 2 * len(self._tracks))
        self._name = _new_name()


def _messages(items: Sequence[tuple[str, bytes]], tracks: Mapping[str, Track], now: float) -> list[Message]:
    sequences = {topic: track.sequence for topic, track in tracks.items()}
    messages = []
    for topic, data in items:
        track = tracks[topic]
        before = sequences[topic]
        sequences[topic] = before + 1
        age = None if not before else now - track.sent if before == track.sequence else 0.0
        messages.append(Message(topic, message(track.publisher, before + 1, age, data)))
    return messages


def _definite(failure: Error, *, sent: bool) -> Error:
    """Return what to raise when an earlier attempt may have been sent, whatever became of the last one."""
    if not sent or isinstance(failure, OutcomeUnknown):
        return failure
    return OutcomeUnknown(str(failure), code=failure.code if isinstance(failure, BackendError) else "protocol")


def _new_name() -> bytes:
    # Not by uuid, whose import takes longer than that of most modules here.
    return os.urandom(16).hex().encode()
