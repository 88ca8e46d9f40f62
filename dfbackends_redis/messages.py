"""The messages of topics, as they arrive.

What was published stands behind a ``P``. What was announced along with a write stands behind ``A``, the place that keeps its
chain, and the heads before and after it. Anything else is from somebody else, and passed on as it is.
"""

from __future__ import annotations

import time

from dfbackends.api import Alive, Confirmed, Denied, Message
from dfbackends_redis.chain import Chain
from dfbackends_redis.feed import RedisFeed
from dfbackends_redis.names import message_channel
from dfbackends_redis.node import Node
from dfbackends_redis.requests import Requests

Events = list[Message | Confirmed[str] | Denied[str] | Alive]


class _Topic:
    """The announcements on a topic, and since when they are listened to."""

    def __init__(self) -> None:
        self.chain = Chain()
        self.began = time.monotonic()


class MessageFeed(RedisFeed[str, Message]):
    """The messages of topics on one line."""

    holds = True

    def __init__(self, requests: Requests, node: Node, timeout: float) -> None:
        self._heads: dict[str, _Topic] = {}
        super().__init__(requests, node, timeout)

    def _channel(self, topic: str) -> bytes:
        return message_channel(topic).encode()

    def _enter(self, topic: str) -> Confirmed[str] | Denied[str]:
        found = self._heads.setdefault(topic, _Topic())
        return Confirmed(topic, found.chain.token)

    def _left(self, topic: str) -> None:
        self._heads.pop(topic, None)

    def _heard(self, topic: str, data: bytes, events: Events) -> None:
        if data[:1] == b"P":
            events.append(Message(topic, data[1:]))
            return
        parts = data.split(b" ", 3)
        if data[:1] != b"A" or len(parts) != 4:
            events.append(Message(topic, data))
            return
        label, prev, head, text = parts
        try:
            before = self._before(self._heads[topic], label, prev, head)
        except ValueError:
            events.append(Message(topic, data))
            return
        chain = self._heads[topic].chain
        chain[label] = head
        events.append(Message(topic, text, before, chain.token))

    def _before(self, found: _Topic, label: bytes, prev: bytes, head: bytes) -> str:
        """Return the head before a message; another one than the last where messages are missing.

        Of a place that was not heard before, the time since its last announcement tells whether that was meant for us.
        """
        chain = found.chain
        if label in chain or not prev:
            return chain.token_with(label, prev)
        age = (_time(head) - _time(prev)) * 1e-6
        return chain.token_with(label, prev) if time.monotonic() - age > found.began else chain.token


def _time(head: bytes) -> int:
    # A revision is the time, or a little ahead of it.
    return int(head.partition(b":")[0])
