"""Losses that are not told, or told where there are none."""

from __future__ import annotations

import time
from collections.abc import Sequence

from contract_tests.mutants.registry import Base, mutant
from dfbackends.api import Head, Message, Position
from dfbackends.audience import Audience, _Channel
from dfbackends.continuity import Continuity, Gap, Verdict
from dfbackends.delivery import Item
from dfbackends.drivers.memory.feed import MessageFeed
from dfbackends.drivers.memory.store import Store
from dfbackends.envelope import Envelope
from dfbackends.errors import BackendError, OutcomeUnknown
from dfbackends.heartbeats import Heartbeats, Track
from dfbackends.publisher import Publisher


@mutant(kills="test_a_removed_message_is_told_at_the_heartbeat", base=Base.FORGETFUL)
class HeartbeatsAreMissing(Heartbeats):
    """Nothing follows the last message of a topic."""

    def follow(self, tracks: Sequence[Track]) -> None:
        return


@mutant(kills="test_a_removed_message_is_told_when_its_publisher_closes", base=Base.FORGETFUL)
class FarewellsAreMissing(Heartbeats):
    """A publisher that closes says nothing more."""

    def close(self, until: float) -> None:
        with self._changed:
            self._tracks.clear()
        super().close(until)


@mutant(kills="test_a_removed_message_is_told_before_the_next", base=Base.FORGETFUL)
class GapsAreNotTold(Audience):
    """Missing messages are counted, and nobody is told."""

    def _gaps(self, channel: _Channel, gap: Gap) -> list[Item]:
        return []


@mutant(kills="test_a_removed_message_is_told_before_the_next[first]", base=Base.FORGETFUL)
class FirstGapsAreNotTold(Continuity):
    """That the first message of a publisher is missing is not told."""

    def _judge_by_sequence(self, envelope: Envelope, now: float) -> Verdict:
        known = envelope.publisher in self._publishers
        verdict = super()._judge_by_sequence(envelope, now)
        return verdict if known else Verdict(verdict.deliver)


@mutant(kills="test_nothing_is_missing_in_silence", base=Base.FORGETFUL)
class PublishersAreTakenForNew(Continuity):
    """What was heard of publishers is forgotten with each subscription."""

    def judge(self, message: Message, envelope: Envelope | None, now: float) -> Verdict:
        verdict = super().judge(message, envelope, now)
        return Verdict(verdict.deliver)


@mutant(kills="test_a_publish_that_failed_is_no_loss", base=Base.FORGETFUL)
class FailedMessagesLeaveAHole(Publisher):
    """A message that was not sent keeps its place in the sequence."""

    def publish(self, items: Sequence[tuple[str, bytes]]) -> None:
        try:
            super().publish(items)
        except OutcomeUnknown:
            raise
        except BackendError:
            for topic, _ in items:
                track = self._tracked({topic})[topic]
                track.sequence += 1
                track.sent = time.monotonic()
            raise


@mutant(kills="test_a_publish_whose_reply_was_lost", base=Base.FORGETFUL)
class RepetitionsAreNewMessages(Publisher):
    """A message that is sent again has the next place in the sequence."""

    def publish(self, items: Sequence[tuple[str, bytes]]) -> None:
        tracks = self._tracked({topic for topic, _ in items})
        patience = self._patience
        self._patience = patience._replace(retries=0)
        for attempt in range(patience.retries + 1):
            try:
                super().publish(items)
            except BackendError:
                if attempt == patience.retries:
                    raise
                self._closing.wait(0.05 * len(tracks))
            else:
                break
        self._patience = patience


@mutant(kills="test_subscribing_late_is_no_loss")
class LateSubscribersMissTheBeginning(Continuity):
    """Who subscribes late is told that he has missed what came before."""

    def begin(self, head: Head) -> None:
        super().begin("")


@mutant(kills="test_over_a_broken_line_nothing_is_missing")
class ResumingSkips(MessageFeed):
    """A line goes on with what is new, and not where it broke."""

    def __init__(self, store: Store, after: Position | None) -> None:
        super().__init__(store, after)
        if after is not None:
            with store.lock:
                self._seq = store.last
