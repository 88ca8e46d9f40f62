"""Lines on which messages arrive."""

from __future__ import annotations

import secrets
import threading
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar

from dfbackends.api import Alive, Change, Confirmed, Denied, Feed, Message, Position
from dfbackends_redis.errors import HandleClosed, LineLost
from dfbackends_redis.names import private_channel
from dfbackends_redis.node import Node
from dfbackends_redis.pulse import Pulse
from dfbackends_redis.push import PushLine
from dfbackends_redis.requests import Requests
from dfbackends_redis.resp import Command

_LOOK_EVERY = 0.4
_HELD_FOR = 0.5
_CLOSE_WITHIN = 4.0

T = TypeVar("T", bound=Hashable)
M = TypeVar("M", bound=Message | Change)


class _Asked(NamedTuple):
    """Something that the server answers, in the order in which it was sent."""

    what: Literal["subscribe", "unsubscribe", "ping"]
    channel: bytes = b""
    topic: Any = None


class _Held(NamedTuple):
    """Answers of the server that are told when all of the pulses sent behind them have arrived, or at a time."""

    answers: list[tuple[_Asked, Exception | None]]
    pulses: set[bytes]
    until: float


class RedisFeed(Feed[T, M]):
    """Channels on one line. Redis keeps nothing for who was away: there is no position.

    Where there are several servers, what was published by way of another one may arrive after a confirmation that came later. A
    feed that ``holds`` its answers tells of a confirmation when a pulse from each of the others has followed it.
    """

    holds: ClassVar[bool] = False

    def __init__(self, requests: Requests, node: Node, timeout: float) -> None:
        self._requests = requests
        self._node = node
        self._private = private_channel(secrets.token_hex(8)).encode()
        self._pulse = Pulse(requests, node, self._private, timeout)
        # Guards the order of what is asked for, and the channels that will be subscribed when all of it is answered.
        self._lock = threading.Lock()
        self._asked: deque[_Asked] = deque()
        self._wanted: set[bytes] = set()
        # Held by the one who uses the line: receive, or close at the end.
        self._in_use = threading.Lock()
        self._topics: dict[bytes, T] = {}
        self._closed = False
        self._pong_proves = True
        self._granted: list[tuple[_Asked, Exception | None]] = []
        self._held: deque[_Held] = deque()
        self._look_at = time.monotonic() + _LOOK_EVERY
        self._line = PushLine(node.dial("dfb-feed"), timeout)
        self._ask([_Asked("subscribe", self._private)])

    @property
    def position(self) -> Position | None:
        return None

    def subscribe(self, topics: Sequence[T]) -> None:
        self._ask([_Asked("subscribe", self._channel(topic), topic) for topic in topics])

    def unsubscribe(self, topics: Sequence[T]) -> None:
        self._ask([_Asked("unsubscribe", self._channel(topic), topic) for topic in topics])

    def receive(self, timeout: float) -> Sequence[M | Confirmed[T] | Denied[T] | Alive]:
        until = time.monotonic() + timeout
        with self._in_use:
            while True:
                if self._closed:
                    raise HandleClosed
                now = time.monotonic()
                if now > self._look_at:
                    self._look_at = now + _LOOK_EVERY
                    if not self._requests.servers.serves(self._node):
                        raise LineLost("the server has another master")
                    if not self._pong_proves and not self._pulse.open():
                        self.probe()
                replies = self._line.replies(min(until - now, _LOOK_EVERY))
                if (replies or self._held) and (events := self._told(replies)):
                    return events
                if time.monotonic() >= until:
                    return ()

    def probe(self) -> bool:
        self._ask([_Asked("ping")])
        # Where messages come by another way, an answer on this one proves too little.
        self._pong_proves = not self._pulse.send()
        return True

    def close(self) -> None:
        self._closed = True
        self._line.end()
        if self._in_use.acquire(timeout=_CLOSE_WITHIN):
            try:
                self._line.close()
                self._pulse.close()
            finally:
                self._in_use.release()

    def _ask(self, questions: Sequence[_Asked]) -> None:
        with self._lock:
            commands: list[Command] = []
            for question in questions:
                what, channel, _ = question
                if what == "subscribe":
                    self._wanted.add(channel)
                elif what == "unsubscribe":
                    if channel not in self._wanted:
                        continue
                    self._wanted.discard(channel)
                self._asked.append(question)
                commands.append((what, channel) if channel else (what,))
            self._line.send(commands)

    def _told(self, replies: Sequence[Any]) -> list[M | Confirmed[T] | Denied[T] | Alive]:
        """Return what replies tell, in their order."""
        events: list[M | Confirmed[T] | Denied[T] | Alive] = []
        self._enter_all(replies)
        topics, heard, private = self._topics, self._heard, self._private
        for reply in replies:
            if isinstance(reply, list) and reply[0] == b"message":
                _, channel, data = reply
                topic = topics.get(channel)
                if topic is not None:
                    # Nothing is said where a script has tried whether it may say something.
                    if data:
                        heard(topic, data, events)
                elif channel == private:
                    events.append(Alive())
                    self._release(data, events)
            else:
                self._answered(reply, events)
        if self._granted:
            granted, self._granted = self._granted, []
            self._held.append(_Held(granted, self._pulse.send(), time.monotonic() + _HELD_FOR))
        if self._held:
            self._release(b"", events)
        return events

    def _answered(self, reply: Any, events: list[M | Confirmed[T] | Denied[T] | Alive]) -> None:
        kind = reply[0] if isinstance(reply, list) else reply
        what, channel, topic = self._asked.popleft() if self._asked else _Asked("ping")
        if isinstance(reply, Exception):
            if what == "unsubscribe":
                raise reply
            if what == "subscribe" and topic is not None:
                self._wanted.discard(channel)
                self._grant(_Asked(what, channel, topic), reply, events)
        elif kind in (b"pong", b"PONG") and what == "ping":
            if self._pong_proves:
                events.append(Alive())
        elif kind == what.encode() and reply[1] == channel:
            if topic is None:
                return
            if what == "subscribe":
                self._grant(_Asked(what, channel, topic), None, events)
            else:
                self._topics.pop(channel, None)
                self._left(topic)
        else:
            # A server gives up channels by itself when it no longer lets us have them.
            raise LineLost("the server has ended a subscription, or speaks out of turn")

    def _grant(self, asked: _Asked, error: Exception | None, events: list[M | Confirmed[T] | Denied[T] | Alive]) -> None:
        if self.holds and self._pulse.others:
            self._granted.append((asked, error))
        else:
            self._tell(asked, error, events)

    def _release(self, pulse: bytes, events: list[M | Confirmed[T] | Denied[T] | Alive]) -> None:
        """Tell the answers that have been held long enough, in their order."""
        for held in self._held:
            held.pulses.discard(pulse)
        now = time.monotonic()
        while self._held and (not self._held[0].pulses or now > self._held[0].until):
            for asked, error in self._held.popleft().answers:
                self._tell(asked, error, events)

    def _tell(self, asked: _Asked, error: Exception | None, events: list[M | Confirmed[T] | Denied[T] | Alive]) -> None:
        _, channel, topic = asked
        event = self._enter(topic) if error is None else Denied(topic, error)
        events.append(event)
        if channel in self._wanted:
            if isinstance(event, Confirmed):
                self._topics[channel] = topic
            else:
                self.unsubscribe([topic])

    def _enter_all(self, replies: Sequence[Any]) -> None:
        """Get ready for what the replies confirm."""

    @abstractmethod
    def _channel(self, topic: T) -> bytes:
        """Return the channel of a topic."""

    @abstractmethod
    def _enter(self, topic: T) -> Confirmed[T] | Denied[T]:
        """Begin a topic, or tell where it is."""

    @abstractmethod
    def _left(self, topic: T) -> None:
        """Forget a topic."""

    @abstractmethod
    def _heard(self, topic: T, data: bytes, events: list[M | Confirmed[T] | Denied[T] | Alive]) -> None:
        """Add what a message tells."""
