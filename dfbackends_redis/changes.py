"""The changes of tables, as they arrive.

A notice tells several changes of one stream: ``C``, the bucket, the head before, and the operation; then for each change its
revision, the lengths of name and record, and these two. The head after a change is its revision and its operation.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any

from dfbackends.api import Alive, Change, Confirmed, Denied, Stream
from dfbackends_redis.chain import Chain
from dfbackends_redis.feed import RedisFeed
from dfbackends_redis.heads import heads
from dfbackends_redis.names import change_channel
from dfbackends_redis.node import Node
from dfbackends_redis.record import unpacked
from dfbackends_redis.requests import Requests

LOG = logging.getLogger(__name__)

_LATE = 10.0

Events = list[Change | Confirmed[Stream] | Denied[Stream] | Alive]


class _Part:
    """One stream: where it is, and, for a while, up to which revision each bucket was told with its head."""

    def __init__(self, chain: Chain, labels: Sequence[bytes]) -> None:
        self.chain = chain
        self.until = time.monotonic() + _LATE
        self.old = {label: _revision(chain[label]) for label in labels}

    def is_old(self, label: bytes, revision: int) -> bool:
        """Return whether a change came before the head that was confirmed.

        On a cluster a notice may arrive after the head was read that has it in it.
        """
        if not self.old:
            return False
        if revision <= self.old.get(label, -1) and time.monotonic() < self.until:
            return True
        self.old.pop(label, None)
        return False


class ChangeFeed(RedisFeed[Stream, Change]):
    """The changes of streams on one line. The heads tell what came before a confirmation."""

    def __init__(self, requests: Requests, node: Node, timeout: float) -> None:
        self._parts: dict[Stream, _Part] = {}
        self._read: dict[Stream, Chain | Exception] = {}
        super().__init__(requests, node, timeout)

    def _channel(self, topic: Stream) -> bytes:
        return change_channel(topic.table.name, topic.topic).encode()

    def _enter_all(self, replies: Sequence[Any]) -> None:
        """Read the heads of what is confirmed: what is told after the confirmation goes on from there, or was before it."""
        confirmed = {reply[1] for reply in replies if isinstance(reply, list) and reply[0] == b"subscribe"}
        if not confirmed:
            return
        asked = {question.channel: question.topic for question in list(self._asked) if question.topic is not None}
        streams = [asked[channel] for channel in confirmed if channel in asked and asked[channel] not in self._parts]
        for stream, chain in zip(streams, heads(self._requests, streams), strict=True):
            self._read[stream] = chain

    def _enter(self, topic: Stream) -> Confirmed[Stream] | Denied[Stream]:
        if topic not in self._parts:
            chain = self._read.pop(topic)
            if isinstance(chain, Exception):
                return Denied(topic, chain)
            buckets = topic.table.buckets
            self._parts[topic] = _Part(chain, [b""] if buckets == 1 else [b"%d" % bucket for bucket in range(buckets)])
        return Confirmed(topic, self._parts[topic].chain.token)

    def _left(self, topic: Stream) -> None:
        self._parts.pop(topic, None)

    def _heard(self, topic: Stream, data: bytes, events: Events) -> None:
        try:
            label, prev, op, rest = data.split(b" ", 3)
            items = list(_items(rest)) if label[:1] == b"C" else None
        except ValueError:
            items = None
        if items is None:
            # Nothing of ours is hidden by it: that would be seen at the next change.
            LOG.warning("something that is no change was heard on the channel of table %r", topic.table.name)
            return
        part, label = self._parts[topic], label[1:]
        for name, stored, revision in items:
            head = b"%d:%b" % (revision, op)
            if not part.is_old(label, revision):
                before = part.chain.token_with(label, prev)
                part.chain[label] = head
                record = unpacked(stored) if stored else None
                events.append(Change(topic, name, record, revision, before, part.chain.token))
            prev = head


def _items(rest: bytes) -> Iterator[tuple[str, bytes, int]]:
    at, end = 0, len(rest)
    while at < end:
        space = rest.index(b" ", at)
        revision = int(rest[at:space])
        at, space = space + 1, rest.index(b" ", space + 1)
        name_size = int(rest[at:space])
        at, space = space + 1, rest.index(b" ", space + 1)
        size = int(rest[at:space])
        at = space + 1 + name_size
        name = rest[space + 1 : at].decode()
        yield name, rest[at : at + size], revision
        at += size


def _revision(head: bytes) -> int:
    return int(head.partition(b":")[0] or 0)
