"""Who hears what: the subscriptions of each topic, what they get, and what they are told to miss."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence

from dfbackends.api import Message
from dfbackends.continuity import Continuity, Gap
from dfbackends.delivery import Delivery, Recipient
from dfbackends.envelope import opened
from dfbackends.errors import Code
from dfbackends.loss import Loss, Reason
from dfbackends.subscription import Standing, Subscription

LOG = logging.getLogger(__name__)


class _Channel:
    """The subscriptions of one topic.

    The tuple is replaced, never changed, so that the reader needs no lock to go through it.
    """

    def __init__(self) -> None:
        self.continuity = Continuity()
        self.subscriptions: list[Subscription] = []
        self.live: tuple[Recipient, ...] = ()

    def refresh(self) -> None:
        self.live = tuple(subscription.recipient for subscription in self.subscriptions if subscription.live)


class Audience:
    """Listens to a line, and passes on what it hears. Topics are named as the driver names them."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        # Guards the channels, and the standing of their subscriptions. Continuity is the reader's alone.
        self._lock = threading.Lock()
        self._channels: dict[str, _Channel] = {}
        self.malformed = 0
        """Messages that were not ours."""

    def heard(self, messages: Sequence[Message], now: float) -> None:
        """Pass on messages, without repetitions, and gaps before those that they precede."""
        for message in messages:
            channel = self._channels.get(message.topic)
            if channel is None or not channel.live:
                continue
            envelope = opened(message.data)
            if envelope is None:
                self.malformed += 1
                LOG.warning("a message of %d bytes is not one of ours, and was skipped", len(message.data))
            deliver, gap = channel.continuity.judge(message, envelope, now)
            if gap is not None:
                with self._lock:
                    self._tell_gap(channel, gap)
            if deliver and envelope is not None and envelope.data is not None:
                self._delivery.add(channel.live, envelope.data)

    def lost(self, code: Code) -> None:
        """Tell everybody DOWN."""
        with self._lock:
            for channel in self._channels.values():
                for subscription in channel.subscriptions:
                    if subscription.live:
                        subscription.standing = Standing.INTERRUPTED
                    self._tell(subscription, Reason.DOWN, code=code)
                channel.refresh()

    def resumed(self, heads: Mapping[str, str]) -> None:
        """Tell RESUMED to who goes on, and RECOVERED to the others."""
        with self._lock:
            for name, channel in self._channels.items():
                if name in heads:
                    channel.continuity.begin(heads[name])
                for subscription in channel.subscriptions:
                    if name in heads and subscription.standing is Standing.INTERRUPTED:
                        subscription.standing = Standing.LIVE
                        self._tell(subscription, Reason.RESUMED)
                    else:
                        subscription.standing = Standing.CLEARED
                        self._tell(subscription, Reason.RECOVERED)
                channel.refresh()

    def recovered(self) -> None:
        """Clear everybody, and tell RECOVERED."""
        with self._lock:
            for channel in self._channels.values():
                for subscription in channel.subscriptions:
                    subscription.standing = Standing.CLEARED
                    self._tell(subscription, Reason.RECOVERED)

    def join(self, name: str, subscription: Subscription, head: str, now: float) -> None:
        """Let a subscription hear a topic from this place on; called by the reader when the backend has confirmed."""
        with self._lock:
            channel = self._channels.setdefault(name, _Channel())
            if not channel.live:
                channel.continuity.begin(head)
            elif gap := channel.continuity.confirmed(head):
                self._tell_gap(channel, gap)
            if subscription.recipient.ended or subscription.live:
                return
            if subscription not in channel.subscriptions:
                channel.subscriptions.append(subscription)
            subscription.confirmed = now
            subscription.standing = Standing.LIVE
            channel.refresh()

    def leave(self, name: str, subscription: Subscription) -> None:
        """Let a subscription hear nothing any more."""
        with self._lock:
            subscription.standing = Standing.CLEARED
            channel = self._channels.get(name)
            if channel is not None and subscription in channel.subscriptions:
                channel.subscriptions.remove(subscription)
                channel.refresh()
                if not channel.subscriptions:
                    del self._channels[name]

    def close(self) -> None:
        """Let nobody hear anything any more."""
        with self._lock:
            for channel in self._channels.values():
                for subscription in channel.subscriptions:
                    subscription.standing = Standing.CLEARED
            self._channels.clear()

    def count(self) -> tuple[int, int]:
        """Return how many subscriptions there are, and how many are live."""
        with self._lock:
            subscriptions = [subscription for channel in self._channels.values() for subscription in channel.subscriptions]
            return len(subscriptions), sum(subscription.live for subscription in subscriptions)

    def _tell_gap(self, channel: _Channel, gap: Gap) -> None:
        for subscription in channel.subscriptions:
            if subscription.live and subscription.confirmed <= gap.latest:
                missed = gap.missed if subscription.confirmed <= gap.seen else None
                self._tell(subscription, Reason.GAP, missed=missed)

    def _tell(self, subscription: Subscription, reason: Reason, *, missed: int | None = None, code: Code | None = None) -> None:
        self._delivery.tell(subscription.recipient, Loss(reason, subscription.topic, missed, code))
