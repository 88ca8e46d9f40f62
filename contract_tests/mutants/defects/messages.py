"""Messages that go astray."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, ClassVar
from weakref import WeakSet

from contract_tests.mutants.registry import Base, mutant
from dfbackends.api import Alive, Confirmed, Denied, Feed, Message, Position
from dfbackends.audience import Audience
from dfbackends.continuity import Continuity, Verdict
from dfbackends.drivers.memory import MemoryPubSub
from dfbackends.drivers.memory.feed import MessageFeed
from dfbackends.drivers.memory.store import Logged
from dfbackends.envelope import Envelope
from dfbackends.errors import BackendError, Meaning, Refused
from dfbackends.hearer import Hearer
from dfbackends.publisher import Publisher, _messages
from dfbackends.pubsub import PubSub
from dfbackends.retry import Attempts

Event = Message | Confirmed[str] | Denied[str] | Alive


@mutant(kills="test_order_per_publisher_and_topic")
class AHundredthIsLost(MemoryPubSub):
    """Each hundredth message is accepted, and not delivered."""

    def publish(self, messages: Sequence[Message]) -> None:
        kept = []
        for message in messages:
            self.__dict__["count"] = count = self.__dict__.get("count", 0) + 1
            if count % 100:
                kept.append(message)
        super().publish(kept)


@mutant(kills="test_data_arrives_equal", base=Base.FORGETFUL)
class NeighboursAreSwapped(MessageFeed):
    """Two messages that come together come in the other order."""

    def receive(self, timeout: float) -> Sequence[Event]:
        events = list(super().receive(timeout))
        for place in range(1, len(events)):
            one, other = events[place - 1 : place + 1]
            if isinstance(one, Message) and isinstance(other, Message) and one.topic == other.topic:
                events[place - 1 : place + 1] = other, one
        return events


@mutant(kills="test_data_arrives_equal", base=Base.FORGETFUL)
class CallsAreTurnedRound(MemoryPubSub):
    """The messages of one call are sent in the reverse order."""

    def publish(self, messages: Sequence[Message]) -> None:
        super().publish(messages[::-1])


@mutant(kills="test_repeated_publishes_come_once")
class RepetitionsAreDelivered(Continuity):
    """A message that comes again is delivered again."""

    def judge(self, message: Message, envelope: Envelope | None, now: float) -> Verdict:
        verdict = super().judge(message, envelope, now)
        again = envelope is not None and envelope.data is not None
        return verdict._replace(deliver=True) if again else verdict


@mutant(kills="test_topics_are_isolated")
class PrefixesHearToo(MessageFeed):
    """A message comes to those, too, whose topic is the beginning of its own."""

    def _told(self, logged: Logged) -> Iterator[Message]:
        yield from super()._told(logged)
        message = logged.message
        for topic in list(self._heads):
            if message is not None and topic != message.topic and message.topic.startswith(topic):
                head = str(logged.seq)
                yield Message(topic, message.data, self._heads[topic], head)
                self._heads[topic] = head


@mutant(kills="test_topics_are_isolated")
class SubscriptionsArePatterns(MessageFeed):
    """A message comes to those, too, whose topic matches it as a pattern."""

    def _told(self, logged: Logged) -> Iterator[Message]:
        yield from super()._told(logged)
        message = logged.message
        for topic in list(self._heads):
            if message is not None and topic != message.topic and fnmatchcase(message.topic, topic):
                head = str(logged.seq)
                yield Message(topic, message.data, self._heads[topic], head)
                self._heads[topic] = head


@mutant(kills="test_namespaces_are_isolated")
class NamespacesShareTopics(MessageFeed):
    """A message comes to those, too, who have subscribed the topic in another namespace."""

    def _told(self, logged: Logged) -> Iterator[Message]:
        yield from super()._told(logged)
        message = logged.message
        for topic in list(self._heads):
            if message is not None and topic != message.topic and topic.partition("/")[2] == message.topic.partition("/")[2]:
                head = str(logged.seq)
                yield Message(topic, message.data, self._heads[topic], head)
                self._heads[topic] = head


@mutant(kills="test_a_late_subscriber_gets_no_history")
class HistoryIsTold(MessageFeed):
    """Who subscribes gets the last message of the topic."""

    def _granted(self) -> Iterator[Any]:
        for confirmed in super()._granted():
            yield confirmed
            messages = (logged.message for logged in reversed(self._store.log) if logged.message is not None)
            last = next((message for message in messages if message.topic == confirmed.topic), None)
            if last is not None:
                head = str(confirmed.head)
                yield last._replace(prev=head, head=head)


@mutant(kills="test_what_is_published_after_subscribing_is_delivered")
class ConfirmedTooEarly(MessageFeed):
    """Each fourth topic of a line is confirmed 50 ms before that has an effect."""

    def subscribe(self, topics: Sequence[str]) -> None:
        since: dict[str, float] = self.__dict__.setdefault("since", {})
        for topic in topics:
            since[topic] = time.monotonic() if len(since) % 4 == 3 else 0.0
        super().subscribe(topics)

    def _told(self, logged: Logged) -> Iterator[Message]:
        message = logged.message
        since: dict[str, float] = self.__dict__.get("since", {})
        if message is None or time.monotonic() > since.get(message.topic, 0.0) + 0.05:
            yield from super()._told(logged)


@mutant(kills="test_every_subscriber_gets_every_message")
class SubscribersCompete(MessageFeed):
    """Of several handles one gets a message."""

    def _told(self, logged: Logged) -> Iterator[Message]:
        taken: set[int] = self._store.__dict__.setdefault("taken", set())
        if logged.message is not None and logged.message.topic in self._heads:
            if logged.seq in taken:
                return
            taken.add(logged.seq)
        yield from super()._told(logged)


@mutant(kills="test_a_server_in_trouble")
class PublishingHidesErrors(Publisher):
    """A message that could not be published is no error."""

    def publish(self, items: Sequence[tuple[str, bytes]]) -> None:
        try:
            super().publish(items)
        except BackendError:
            return


class NobodyListens(Exception):
    """There is no subscriber."""


@mutant(kills="test_publish_without_subscribers_succeeds")
class SilenceIsAnError(MemoryPubSub):
    """To publish where nobody has ever listened is an error."""

    errors = (Meaning(NobodyListens, None, Refused, "protocol"), *MemoryPubSub.errors)
    feeds: ClassVar[WeakSet[Feed[str, Message]]] = WeakSet()

    def listen(self, after: Position | None = None) -> Feed[str, Message]:
        feed = super().listen(after)
        self.feeds.add(feed)
        return feed

    def publish(self, messages: Sequence[Message]) -> None:
        if not any(message.topic in feed._heads for message in messages for feed in self.feeds):  # type: ignore[attr-defined]
            raise NobodyListens
        super().publish(messages)


@mutant(kills="test_what_is_no_topic")
class AnythingIsATopic(PubSub):
    """A topic is taken for its text, whatever it is."""

    def _name(self, topic: str) -> str:
        return super()._name(topic if isinstance(topic, str) else str(topic))


@mutant(kills="test_several_threads_of_one_publisher")
class PublishersDoNotLock(Publisher):
    """Threads that publish to one topic at the same time use the same place in its sequence."""

    def publish(self, items: Sequence[tuple[str, bytes]]) -> None:
        attempts = Attempts(self._patience, failover=self._driver.failover, timeout=self._driver.timeout)
        tracks = self._tracked({topic for topic, _ in items})
        messages = _messages(items, tracks, time.monotonic())
        time.sleep(0.0002)
        self._send(messages, tracks, attempts)


@mutant(kills="test_the_final_set_is_right")
class UnsubscribingTakesThePrefix(MessageFeed):
    """Who gives up a topic gives up those along that begin with its name."""

    def unsubscribe(self, topics: Sequence[str]) -> None:
        with self._store.lock:
            others = [other for other in self._heads for topic in topics if other.startswith(topic)]
        super().unsubscribe([*topics, *others])


@mutant(kills="test_renewing_what_is_live_is_harmless")
class RenewingDoubles(PubSub):
    """Who renews a live subscription gets each message twice."""

    def _renew(self, hearer: Hearer) -> None:
        live = hearer.live
        super()._renew(hearer)
        if live:
            with self._audience._lock:
                channel = self._audience._channels[hearer.name]
                channel.hearers.append(hearer)
                channel.refresh()


@mutant(kills="test_garbage_on_the_wire")
class GarbageBreaksTheLine(Audience):
    """A message that is not ours ends the line."""

    def _skip(self, message: Message) -> None:
        raise ValueError


@mutant(kills="test_garbage_on_the_wire")
class GarbageIsNotCounted(Audience):
    """A message that is not ours is skipped without a trace."""

    def _skip(self, message: Message) -> None:
        return
