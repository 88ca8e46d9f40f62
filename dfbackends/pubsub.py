"""Topics, as applications see them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from dfbackends import envelope, names
from dfbackends.api import Limits, Message, PubSubApi
from dfbackends.audience import Audience
from dfbackends.backlog import Backlog, Policy
from dfbackends.codec import JSON, encode
from dfbackends.delivery import Delivery
from dfbackends.errors import Closed, Code, Unavailable
from dfbackends.hearer import Hearer
from dfbackends.heartbeats import INTERVALS
from dfbackends.line import Line
from dfbackends.names import Namespace
from dfbackends.pace import USUAL, Pace
from dfbackends.publisher import Publisher
from dfbackends.retry import Patience
from dfbackends.subscription import OnLoss, OnMessage, Subscription

_LONGEST = 4.5
_FAREWELL = 1.0


@dataclass(frozen=True)
class PubSubHealth:
    """How the messages of a backend are doing."""

    connected: bool = False
    """Whether there is a line; it is opened by the first subscription."""
    silent: float | None = None
    """Seconds since the last proof that the line is alive."""
    code: Code | None = None
    """Why the line is down."""
    subscriptions: int = 0
    live: int = 0
    queued_messages: int = 0
    queued_bytes: int = 0
    threads: int = 0
    """Threads that call handlers."""
    stuck: tuple[str, ...] = ()
    """The handlers whose call has lasted over 5 seconds, or goes on after closing."""
    delivered: int = 0
    malformed: int = 0
    """Messages that were skipped, since they were not of this library."""
    errors: int = 0
    """Calls of handlers that raised."""
    overflowed: int = 0
    """Messages that full queues gave up."""
    breaks: int = 0
    """How many times the line broke."""


class PubSub:
    """Publishes to topics, and subscribes to them.

    Delivery is at most once, and in order for each topic and publisher. What is missing is told. May be used by any thread, and
    in handlers.
    """

    def __init__(
        self,
        driver: PubSubApi,
        *,
        namespace: Namespace,
        patience: Patience,
        threads: int = 1,
        pace: Pace = USUAL,
        heartbeats: Sequence[float] = INTERVALS,
    ) -> None:
        self._namespace = namespace
        self._patience = patience
        self._delivery = Delivery(threads=threads)
        self._audience = Audience(self._delivery)
        self._publisher = Publisher(driver, patience, intervals=heartbeats)
        self._line: Line[str, Message] = Line(
            driver.listen, self._audience, errors=driver.errors, name=type(driver).__name__, pace=pace
        )
        self.limits: Limits = driver.limits._replace(
            topic=driver.limits.topic - namespace.overhead, value=driver.limits.value - envelope.OVERHEAD
        )
        """What the topics and the data of messages may measure, in bytes."""
        # Guards who of several closes.
        self._lock = threading.Lock()
        self._closed = False
        self._abandoned = False
        self._ended = threading.Event()

    def publish(self, topic: str, data: JSON) -> None:
        """Send data to who is subscribed; nobody is no error.

        :raises InvalidName: the topic is not legal; nothing was sent
        :raises InvalidValue: the data are not JSON; nothing was sent
        :raises TooLarge: the data are over ``limits.value`` bytes; nothing was sent
        :raises Unavailable: the backend stayed away past the deadline; nothing was sent
        :raises Refused: the backend said no; nothing was sent
        :raises OutcomeUnknown: the message may have been sent
        """
        self.publish_many([(topic, data)])

    def publish_many(self, items: Iterable[tuple[str, JSON]]) -> None:
        """Send pairs of topic and data, in order and in one call of the backend; the errors of ``publish`` are about all."""
        self._check_open()
        encoded = [self._encoded(topic, data) for topic, data in items]
        if encoded:
            self._publisher.publish(encoded)

    def announcement(self, topic: str, data: JSON) -> Message:
        """Return a message for a store to publish along with a write; it has no place in the sequence of a publisher.

        :raises InvalidName: the topic is not legal
        :raises InvalidValue: the data are not JSON, or over the limit
        """
        self._check_open()
        name, encoded = self._encoded(topic, data)
        return Message(name, envelope.announcement(encoded))

    def subscribe(
        self,
        topic: str,
        on_message: OnMessage,
        *,
        on_loss: OnLoss,
        policy: Policy = "drop_oldest",
        max_messages: int = 1000,
        max_bytes: int = 8 << 20,
    ) -> Subscription:
        """Return when the backend has confirmed: what is published from then on is delivered, or told as lost.

        ``on_message`` is called with the topic and the data, ``on_loss`` with the subscription and a ``Loss``; one call at a
        time, in order. Messages wait within the bounds; those over them are dropped by the policy, and told.

        :raises InvalidName: the topic is not legal
        :raises Refused: the backend denied the topic
        :raises Unavailable: the line was down, or broke, or nothing was confirmed until the deadline
        """
        self._check_open()
        until = time.monotonic() + self._patience.deadline
        name = self._name(topic)
        backlog = Backlog(topic, policy=policy, max_messages=max_messages, max_bytes=max_bytes)
        hearer = Hearer(topic, name, backlog, on_message, lambda loss: on_loss(subscription, loss))
        subscription = Subscription(hearer, renew=self._renew, unsubscribe=self._unsubscribe)
        try:
            self._delivery.start(hearer.recipient)
            self._line.subscribe(name, hearer, partial(self._audience.join, hearer), until)
        except BaseException:
            self._unsubscribe(hearer)
            raise
        return subscription

    def health(self) -> PubSubHealth:
        """Return how it is doing; also after closing, when it tells of handlers that did not end."""
        if self._abandoned:
            return PubSubHealth()
        load = self._delivery.load()
        subscriptions, live = self._audience.count()
        heard = self._line.heard
        return PubSubHealth(
            connected=self._line.connected,
            silent=None if heard is None else time.monotonic() - heard,
            code=self._line.code,
            subscriptions=subscriptions,
            live=live,
            queued_messages=load.messages,
            queued_bytes=load.bytes,
            threads=load.threads,
            stuck=load.stuck,
            delivered=load.delivered,
            malformed=load.malformed + self._audience.malformed,
            errors=load.errors,
            overflowed=load.overflowed,
            breaks=self._line.breaks,
        )

    @property
    def threads(self) -> list[threading.Thread | None]:
        """The threads that were started."""
        return [*self._delivery.threads, self._line.thread, self._publisher.thread]

    def close(self, within: float = _LONGEST) -> None:
        """End all subscriptions and threads, within so many seconds. Idempotent, from any thread, handlers too.

        A handler that does not end stays on its thread, named in the log and by ``health``. The driver stays open.
        """
        if self._abandoned:
            return
        until = time.monotonic() + within
        with self._lock:
            first, self._closed = not self._closed, True
        if not first:
            # Whoever closes waits for the handlers, so that a handler must not wait for him.
            if not self._delivery.is_handler():
                self._ended.wait(within)
            return
        try:
            self._publisher.close(min(time.monotonic() + _FAREWELL, until))
            self._line.close(until)
            self._audience.close()
            self._delivery.close(until)
        finally:
            self._ended.set()

    def part(self, until: float) -> None:
        """Wait for what was being sent still when the driver was closed, which may have ended it."""
        self._publisher.close(until)

    def abandon(self) -> None:
        """Refuse everything from now on, and touch nothing: the threads are those of the parent of this process."""
        self._abandoned = self._closed = True

    def _renew(self, hearer: Hearer) -> None:
        self._check_open()
        until = time.monotonic() + self._patience.deadline
        if not hearer.renewing.acquire(timeout=self._patience.deadline):
            raise Unavailable("renewing failed: another call that renews it is under way", code="overloaded")
        try:
            if hearer.recipient.ended:
                raise Closed("the subscription was ended")
            if not hearer.live:
                self._line.subscribe(hearer.name, hearer, partial(self._audience.join, hearer), until)
        finally:
            hearer.renewing.release()

    def _unsubscribe(self, hearer: Hearer) -> None:
        if self._abandoned:
            return
        until = time.monotonic() + _LONGEST
        self._delivery.stop(hearer.recipient)
        self._audience.leave(hearer)
        self._line.unsubscribe(hearer.name, hearer)
        self._delivery.wait(hearer.recipient, until)

    def _encoded(self, topic: str, data: JSON) -> tuple[str, bytes]:
        return self._name(topic), encode(data, self.limits.value)

    def _name(self, topic: str) -> str:
        return self._namespace.public(names.check("topic", topic, self.limits.topic))

    def _check_open(self) -> None:
        if self._closed:
            raise Closed
