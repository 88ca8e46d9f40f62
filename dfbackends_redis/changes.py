"""The changes of tables, as they arrive.

A notice tells several changes, which share a revision, as a list of MessagePack. Its first text is ``C`` and the bucket, the
operation, the revision, and its place in each stream that it is for, that of the table first: the head before, and how many
changes of it the operation had told before. Then names and records come in turn. The head after a change is the revision, the
operation, and the number of the change in it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any

from dfbackends.api import Alive, Change, Confirmed, Denied, Stream
from dfbackends_redis.feed import RedisFeed
from dfbackends_redis.heads import Heads, head_of, heads
from dfbackends_redis.names import change_channel
from dfbackends_redis.node import Node
from dfbackends_redis.record import unpacked
from dfbackends_redis.requests import Requests

LOG = logging.getLogger(__name__)

_LATE = 10.0

# How long the heads of lists, and the sizes of texts, are in MessagePack.
_HEADS = dict.fromkeys(range(0x90, 0xA0), 1) | {0xDC: 3, 0xDD: 5}
_SIZES = {0xD9: 1, 0xDA: 2, 0xDB: 4}

Events = list[Change | Confirmed[Stream] | Denied[Stream] | Alive]


class _Part:
    """One stream: where each bucket is, and, for a while, up to which revision it was told with its head."""

    def __init__(self, heads: Heads) -> None:
        self.heads = heads
        self.until = time.monotonic() + _LATE
        self.old = {bucket: int(head.partition(":")[0] or 0) for bucket, head in heads.items()}

    def is_old(self, bucket: str, revision: int) -> bool:
        """Return whether a change came before the head that was confirmed.

        On a cluster a notice may arrive after the head was read that has it in it.
        """
        if not self.old:
            return False
        if revision <= self.old.get(bucket, -1) and time.monotonic() < self.until:
            return True
        self.old.pop(bucket, None)
        return False


class ChangeFeed(RedisFeed[Stream, Change]):
    """The changes of streams on one line. The heads tell what came before a confirmation."""

    def __init__(self, requests: Requests, node: Node, timeout: float) -> None:
        self._parts: dict[Stream, _Part] = {}
        self._read: dict[Stream, Heads | Exception] = {}
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
        self._read.update(zip(streams, heads(self._requests, streams), strict=True))

    def _enter(self, topic: Stream) -> Confirmed[Stream] | Denied[Stream]:
        if topic not in self._parts:
            # They were not asked for where the same replies have ended a subscription, or denied another one.
            found = self._read.pop(topic, None) or heads(self._requests, [topic])[0]
            if isinstance(found, Exception):
                return Denied(topic, found)
            self._parts[topic] = _Part(found)
        return Confirmed(topic, head_of(topic.table, self._parts[topic].heads.copy()))

    def _left(self, topic: Stream) -> None:
        self._parts.pop(topic, None)

    def _heard(self, topic: Stream, data: bytes, events: Events) -> None:
        try:
            begin, *items = _texts(data)
            kind, op, text, *places = begin.decode().split(" ")
            before, told = places[:2] if topic.topic is None else places[-2:]
            revision, count = int(text), int(told)
            changed = [
                (name.decode(), unpacked(stored) if stored else None)
                for name, stored in zip(items[::2], items[1::2], strict=True)
            ]
        except (ValueError, LookupError):
            kind, changed = "", []
        part, bucket = self._parts[topic], kind[1:]
        if kind[:1] != "C" or not changed or bucket not in part.heads:
            # Nothing of ours is hidden by it: that would be seen at the next change. A table of this name may be in another
            # place, where a mirror looks for it at the next comparison.
            LOG.warning("something that is no change was heard on the channel of table %r", topic.table.name)
            return
        if part.is_old(bucket, revision):
            return
        for name, record in changed:
            count += 1
            head = f"{text}:{op}:{count}"
            events.append(Change(topic, name, record, revision, before, head, bucket))
            before = head
        part.heads[bucket] = before


def _texts(data: bytes) -> Iterator[bytes]:
    """Yield the texts of a list.

    :raises ValueError: it does not end where the data do
    :raises LookupError: it is none, or has something else in it
    """
    at, end = _HEADS[data[0]], len(data)
    while at < end:
        kind = data[at]
        if 0xA0 <= kind <= 0xBF:
            at, size = at + 1, kind & 0x1F
        else:
            width = _SIZES[kind]
            start, at = at + 1, at + 1 + width
            size = int.from_bytes(data[start:at], "big")
        start, at = at, at + size
        yield data[start:at]
    if at != end:
        raise ValueError
