"""Whether messages of a topic are missing, or come again.

Where the backend stamps messages with heads, they form a chain, and a message whose ``prev`` is not the head last seen has
others missing before it; the sequence of its publisher then only tells whether it is a repetition. Where it does not, the
sequence tells both, and the age of the previous message tells whether that one was meant for us.

That one is taken to have come by its age before this one. It was sent no later than that, since this one was sent before it
came: so none that was sent after a confirmation is taken for one before it. One that was sent before is told as missing if it
was by less than this one has been on its way; clocks of two hosts tell nothing better.

A line that goes on after a break begins a new chain, which may hide what was lost just before the break: there the sequence
tells it, when a publisher is heard again.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from dfbackends.api import Head, Message
from dfbackends.envelope import Envelope

FORGET = 3600.0
"""Seconds of silence after which a publisher may be forgotten. Should it speak again, it is told as a gap, wrongly perhaps."""

MOST = 10_000
"""How many publishers of a topic are remembered."""


class Gap(NamedTuple):
    """Messages are missing before this one.

    ``latest`` is when the last of them would have arrived (time.monotonic), where that is known: who was confirmed later
    misses nothing. ``seen`` is when the last one before them arrived: who was confirmed later misses fewer.
    """

    missed: int | None = None
    latest: float = math.inf
    seen: float = -math.inf


class Verdict(NamedTuple):
    """What to do with a message: tell the gap first, then deliver it."""

    deliver: bool
    gap: Gap | None = None


class _Publisher:
    """What was heard of one publisher: its last message, what a heartbeat told of beyond it, and when."""

    __slots__ = ("heard", "last", "told")

    def __init__(self, last: int, heard: float) -> None:
        self.last = last
        self.told = last
        self.heard = heard


_NEW = Verdict(True)
_SKIP = Verdict(False)
_BROKEN = Gap()


class Continuity:
    """The messages of one topic, as one line brings them. One thread uses it."""

    def __init__(self) -> None:
        self._head: Head = ""
        self._resumed = -math.inf
        self._publishers: dict[bytes, _Publisher] = {}
        self._sweep_at = 64

    def begin(self, head: Head) -> None:
        """Start at a head: whatever came before it is none of ours. Publishers stay known, for their repetitions."""
        self._head = head
        self._resumed = -math.inf

    def resume(self, head: Head, now: float) -> None:
        """Go on from a head that may not be the one last seen; of each publisher, the next message tells what is missing."""
        self._head = head
        self._resumed = now

    def confirmed(self, head: Head) -> Gap | None:
        """Compare the chain with the head that the backend told at this place."""
        if head == self._head:
            return None
        self._head = head
        return _BROKEN

    def judge(self, message: Message, envelope: Envelope | None, now: float) -> Verdict:
        """Decide about a message that arrived now; one that is none of ours has a place in the chain, too."""
        if message.head:
            return self._judge_by_chain(message, envelope, now)
        if envelope is None or envelope.publisher is None:
            return _SKIP if envelope is None else _NEW
        return self._judge_by_sequence(envelope, now)

    def _judge_by_chain(self, message: Message, envelope: Envelope | None, now: float) -> Verdict:
        verdict = _SKIP
        if envelope is not None:
            verdict = _NEW if envelope.publisher is None else self._judge_by_sequence(envelope, now)
        if message.prev == self._head:
            self._head = message.head
            gap = verdict.gap
            return verdict if gap is None or gap.seen < self._resumed else Verdict(verdict.deliver)
        if message.head == self._head or (verdict is _SKIP and envelope is not None and envelope.data is not None):
            return _SKIP
        self._head = message.head
        return Verdict(verdict.deliver, _BROKEN)

    def _judge_by_sequence(self, envelope: Envelope, now: float) -> Verdict:
        publisher, sequence, age, data = envelope
        assert publisher is not None
        before = sequence if data is None else sequence - 1
        known = self._publishers.get(publisher)
        if known is None:
            self._remember(publisher, sequence, now)
            if data is None:
                # The messages that a heartbeat told of may still come, and are then no repetitions.
                self._publishers[publisher].last = 0
            gap = None if age is None or not before else Gap(None, now - age)
            return Verdict(data is not None, gap)
        if data is not None and sequence <= known.last:
            return _SKIP
        missed = before - max(known.last, known.told)
        gap = Gap(missed, now if age is None else now - age, known.heard) if missed > 0 else None
        known.heard = now
        if data is None:
            known.told = max(known.told, sequence)
        else:
            known.last = sequence
        return Verdict(data is not None, gap) if gap else _NEW if data is not None else _SKIP

    def _remember(self, publisher: bytes, sequence: int, now: float) -> None:
        if len(self._publishers) >= self._sweep_at:
            recent = sorted(self._publishers.items(), key=lambda item: item[1].heard)[-MOST // 2 :]
            self._publishers = {name: known for name, known in recent if known.heard > now - FORGET}
            self._sweep_at = max(64, min(2 * len(self._publishers), MOST))
        self._publishers[publisher] = _Publisher(sequence, now)
