"""Repeat the last sequence of a topic for a while, so that a lost last message is noticed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from dfbackends.api import Message
from dfbackends.envelope import heartbeat

LOG = logging.getLogger(__name__)

INTERVALS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
"""Seconds from the last message on a topic to each of its heartbeats."""


class Track:
    """What one publisher has sent to one topic: the sequence of the last message, and when that was (time.monotonic)."""

    __slots__ = ("beats", "lock", "publisher", "sent", "sequence", "topic")

    def __init__(self, publisher: bytes, topic: str) -> None:
        self.publisher: bytes = publisher
        self.topic: str = topic
        # Held while something is sent, so that messages leave in the order of their sequences; guards the two below.
        self.lock: threading.Lock = threading.Lock()
        self.sequence: int = 0
        self.sent: float = 0.0
        self.beats: int = 0


class Heartbeats:
    """Sends heartbeats on the tracks that were used lately, by a thread that ends when there are none.

    A heartbeat that can not be sent is dropped: the next one, or the next message, tells the same.
    """

    def __init__(self, send: Callable[[Sequence[Message]], object], intervals: Sequence[float] = INTERVALS) -> None:
        self._send = send
        self._intervals = intervals
        # Guards all below.
        self._changed = threading.Condition(threading.Lock())
        self._tracks: set[Track] = set()
        self._thread: threading.Thread | None = None
        self._next = 0.0
        self._pause_ends = 0.0
        self._closing = False

    @property
    def thread(self) -> threading.Thread | None:
        """The one that sends them, while there are any."""
        return self._thread

    def follow(self, tracks: Sequence[Track]) -> None:
        """Begin anew with tracks that a message was sent on."""
        with self._changed:
            for track in tracks:
                track.beats = 0
            self._tracks.update(tracks)
            if self._thread is None and not self._closing:
                self._start()
            elif self._next > min(self._due(track) for track in tracks):
                self._changed.notify_all()

    def close(self, until: float) -> None:
        """Send a last one on each track that is followed still, and end."""
        with self._changed:
            self._closing = True
            thread = self._thread
            self._changed.notify_all()
        if thread is not None:
            thread.join(max(0.0, until - time.monotonic()))

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="dfbackends-heartbeats", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The message was sent; and an interpreter that ends starts no threads.
            LOG.debug("heartbeats have no thread")
        else:
            self._thread = thread

    def _run(self) -> None:
        while beats := self._beats():
            try:
                self._send(beats)
            except Exception as error:  # noqa: BLE001 - a heartbeat must not disturb the caller of something else.
                LOG.debug("a heartbeat was not sent: %s", type(error).__name__)

    def _beats(self) -> list[Message]:
        """Wait for tracks to be due, and return their heartbeats; none when there will be none any more."""
        with self._changed:
            while self._tracks:
                now = time.monotonic()
                self._next = max(min(map(self._due, self._tracks)), self._pause_ends)
                if now >= self._next or self._closing:
                    # Topics that are due soon after each other share one call.
                    self._pause_ends = now + self._intervals[0] / 4
                    return self._taken(now)
                self._changed.wait(self._next - now)
            self._thread = None
            return []

    def _taken(self, now: float) -> list[Message]:
        due = [track for track in self._tracks if self._closing or self._due(track) <= now]
        for track in due:
            track.beats += 1
            if self._closing or track.beats == len(self._intervals):
                self._tracks.remove(track)
        return [_beat(track, now) for track in due]

    def _due(self, track: Track) -> float:
        return track.sent + self._intervals[track.beats]


def _beat(track: Track, now: float) -> Message:
    return Message(track.topic, heartbeat(track.publisher, track.sequence, now - track.sent))
