"""Lines that break, and what is told of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from contract_tests.mutants.registry import Base, mutant
from dfbackends.api import Alive, Confirmed, Denied, Gone, Head, Message, Position
from dfbackends.audience import Audience
from dfbackends.drivers.memory.feed import MessageFeed
from dfbackends.drivers.memory.handle import HandleClosed
from dfbackends.errors import Code, Refused
from dfbackends.hearer import Hearer, Standing
from dfbackends.line import Line
from dfbackends.pace import Pauses
from dfbackends.pubsub import PubSub
from dfbackends.topics import Topics
from dfbackends.watch import Silent, Watch


@mutant(kills="test_down_is_told_at_once")
class OutagesAreNotTold(Audience):
    """Nobody is told that the line is down."""

    def lost(self, code: Code) -> None:
        with self._lock:
            for hearer in self._hearers():
                if hearer.live:
                    hearer.standing = Standing.INTERRUPTED
            for channel in self._channels.values():
                channel.refresh()


@mutant(kills="test_cleared_subscriptions_are_told_recovered_once")
class RecoveryIsNotTold(Audience):
    """Nobody is told that his subscription was cleared."""

    def recovered(self) -> None:
        with self._lock:
            for hearer in self._hearers():
                hearer.standing = Standing.CLEARED


@mutant(kills="test_cleared_subscriptions_are_told_recovered_once")
class ClearedSubscriptionsCountAsLive(Audience):
    """A subscription that was cleared is told RESUMED."""

    def recovered(self) -> None:
        self.resumed(dict.fromkeys(self._channels, ""))


@mutant(kills="test_recovered_only_if_the_position_is_gone")
class ResubscribesByItself(Line[Any, Any]):
    """Where a line can not go on, its topics are subscribed again, and nobody is told that messages are missing."""

    def _opened(self, position: Position | None) -> Watch[Any, Any]:
        try:
            return super()._opened(position)
        except Gone:
            return super()._opened(None)


@mutant(kills="test_a_line_that_can_not_resume", base=Base.FORGETFUL)
class ResubscribesForgetfully(Line[Any, Any]):
    """A line that can not resume subscribes its topics again, and tells RESUMED."""

    def _rebuilt(self, position: Position | None, code: Code) -> Watch[Any, Any] | None:
        while not self._closing.wait(self._pauses.next(code)):
            try:
                watch = self._opened(None)
                self._resume(watch)
            except Exception:  # noqa: BLE001 - whatever it is, it is tried again
                continue
            return watch
        return None


@mutant(kills="test_topics_change_while_the_line_is_down")
class TopicsOfOutagesAreMissed(Line[Any, Any]):
    """A topic that is subscribed while the line is down is never heard, and nobody is told."""

    def subscribe(self, topic: Any, member: Hashable, effect: Callable[[Head, float], None], until: float) -> None:
        if self.thread is not None and self.code is not None:
            return
        super().subscribe(topic, member, effect, until)


@mutant(kills="test_the_backend_stays_away")
class LinesGiveUp(Line[Any, Any]):
    """A line that could not be rebuilt at once is tried again after a minute."""

    def _note(self, error: Exception) -> Code:
        self._pace = self._pace._replace(outage=(60.0, 60.0))
        if self.code is not None:
            self._pauses = Pauses(self._pace)
            self._pauses.next("unreachable")
        return super()._note(error)


@mutant(kills="test_a_deaf_line_is_found")
class DeafnessIsNotFound(Line[Any, Any]):
    """A line may be silent for ever."""

    def _opened(self, position: Position | None) -> Watch[Any, Any]:
        self._pace = self._pace._replace(silence=3600.0)
        return super()._opened(position)


@mutant(kills="test_latency_is_no_loss")
class LatencyBreaksTheLine(Line[Any, Any]):
    """A line whose answer takes over 100 ms is lost."""

    def _opened(self, position: Position | None) -> Watch[Any, Any]:
        self._pace = self._pace._replace(silence=0.3, proof=0.1)
        return super()._opened(position)


@mutant(kills="test_being_idle_is_no_loss")
class IdlenessBreaksTheLine(MessageFeed):
    """A line on which nothing comes for 2.5 seconds ends."""

    def receive(self, timeout: float) -> Sequence[Message | Confirmed[str] | Denied[str] | Alive]:
        events = super().receive(timeout)
        if events:
            self.__dict__["heard"] = time.monotonic()
        if time.monotonic() - self.__dict__.setdefault("heard", time.monotonic()) > 2.5:
            raise HandleClosed
        return events


@mutant(kills="test_an_on_loss_that_raises")
class WhoDidNotRenewIsForgotten(Audience):
    """Who was not renewed before the next outage is not told of its end."""

    def resumed(self, heads: Mapping[str, Head]) -> None:
        with self._lock:
            for channel in self._channels.values():
                channel.hearers = [hearer for hearer in channel.hearers if hearer.standing is Standing.INTERRUPTED]
        super().resumed(heads)


@mutant(kills="test_a_renewal_that_does_not_complete")
class FailedRenewalsCount(PubSub):
    """A renewal that was refused counts as one that was done."""

    def _renew(self, hearer: Hearer) -> None:
        try:
            super()._renew(hearer)
        except Refused:
            hearer.standing = Standing.LIVE
            raise


@mutant(kills="test_a_topic_that_is_denied")
class DenialsBreakTheLine(Topics[Any]):
    """A topic that is denied ends the line, for all others, too."""

    def answer(self, event: Confirmed[Any] | Denied[Any], now: float) -> None:
        super().answer(event, now)
        if isinstance(event, Denied):
            raise Silent


@mutant(kills="test_recovered_comes_before_any_later_message", base=Base.FORGETFUL)
class RecoveryIsToldBehindMessages(Audience):
    """A subscription that was cleared hears messages before it is told so."""

    def recovered(self) -> None:
        self.resumed(dict.fromkeys(self._channels, ""))
        timer = threading.Timer(0.5, super().recovered)
        timer.daemon = True
        timer.start()
