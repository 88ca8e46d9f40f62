"""Who hears what: the hearers of each topic, what they get, and what they are told to miss."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence

from dfbackends.api import Head, Message
from dfbackends.continuity import Continuity, Gap
from dfbackends.delivery import Delivery, Item, Recipient
from dfbackends.envelope import opened
from dfbackends.errors import Code
from dfbackends.failures import Failures
from dfbackends.hearer import Hearer, Standing
from dfbackends.loss import Loss, Reason

LOG = logging.getLogger(__name__)


_AT_ONCE = 64


class _Channel:
    """Those who hear one topic.

    The tuple is replaced, never changed, so that the reader needs no lock to go through it.
    """

    def __init__(self) -> None:
        self.continuity = Continuity()
        self.hearers: list[Hearer] = []
        self.live: tuple[Recipient, ...] = ()

    def refresh(self) -> None:
        self.live = tuple(hearer.recipient for hearer in self.hearers if hearer.live)


class Audience:
    """Listens to a line, and passes on what it hears. Topics are named as the driver names them."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        # Guards the channels, and the standing of their hearers. Continuity is the reader's alone.
        self._lock = threading.Lock()
        self._channels: dict[str, _Channel] = {}
        self._skipped = Failures(LOG)
        self.malformed: int = 0
        """Messages that were not ours."""

    def heard(self, messages: Sequence[Message], now: float) -> None:
        """Pass on messages, without repetitions, and gaps before those that they precede."""
        # Some at once, since a lock that two busy threads take for each message makes them wait for each other each time.
        for start in range(0, len(messages), _AT_ONCE):
            items: list[Item] = []
            for message in messages[start : start + _AT_ONCE]:
                channel = self._channels.get(message.topic)
                if channel is None or not channel.live:
                    continue
                envelope = opened(message.data)
                deliver, gap = channel.continuity.judge(message, envelope, now)
                if gap is not None:
                    with self._lock:
                        items += self._gaps(channel, gap)
                if envelope is None:
                    self._skip(message)
                elif deliver and envelope.data is not None:
                    items.append((channel.live, envelope.data))
            if items:
                self._delivery.put(items)

    def lost(self, code: Code) -> None:
        """Tell everybody DOWN."""
        with self._lock:
            for channel in self._channels.values():
                for hearer in channel.hearers:
                    if hearer.live:
                        hearer.standing = Standing.INTERRUPTED
                channel.refresh()
            self._delivery.put(_notice(hearer, Reason.DOWN, code=code) for hearer in self._hearers())

    def resumed(self, heads: Mapping[str, Head]) -> None:
        """Tell RESUMED to who goes on, and RECOVERED to the others."""
        with self._lock:
            for name, channel in self._channels.items():
                if name in heads:
                    channel.continuity.resume(heads[name], time.monotonic())
                for hearer in channel.hearers:
                    goes_on = name in heads and hearer.standing is Standing.INTERRUPTED
                    hearer.standing = Standing.LIVE if goes_on else Standing.CLEARED
                channel.refresh()
            self._delivery.put(
                _notice(hearer, Reason.RESUMED if hearer.live else Reason.RECOVERED) for hearer in self._hearers()
            )

    def recovered(self) -> None:
        """Clear everybody, and tell RECOVERED."""
        self.resumed({})

    def join(self, hearer: Hearer, head: Head, now: float) -> None:
        """Let somebody hear his topic from this place on; called by the reader when the backend has confirmed."""
        with self._lock:
            if hearer.recipient.ended:
                return
            channel = self._channels.setdefault(hearer.name, _Channel())
            if not channel.live:
                channel.continuity.begin(head)
            elif gap := channel.continuity.confirmed(head):
                self._delivery.put(self._gaps(channel, gap))
            if hearer.live:
                return
            if hearer not in channel.hearers:
                channel.hearers.append(hearer)
            hearer.confirmed = now
            hearer.standing = Standing.LIVE
            channel.refresh()

    def leave(self, hearer: Hearer) -> None:
        """Let somebody hear nothing any more."""
        with self._lock:
            hearer.standing = Standing.CLEARED
            channel = self._channels.get(hearer.name)
            if channel is not None and hearer in channel.hearers:
                channel.hearers.remove(hearer)
                channel.refresh()
                if not channel.hearers:
                    del self._channels[hearer.name]

    def close(self) -> None:
        """Let nobody hear anything any more."""
        with self._lock:
            for hearer in self._hearers():
                hearer.standing = Standing.CLEARED
            self._channels.clear()

    def count(self) -> tuple[int, int]:
        """Return how many hearers there are, and how many are live."""
        with self._lock:
            hearers = list(self._hearers())
            return len(hearers), sum(hearer.live for hearer in hearers)

    def _hearers(self) -> Iterator[Hearer]:
        for channel in self._channels.values():
            yield from channel.hearers

    def _skip(self, message: Message) -> None:
        self.malformed += 1
        self._skipped.tell("skipped", "a message of %d bytes is not ours, and was skipped", len(message.data))

    def _gaps(self, channel: _Channel, gap: Gap) -> list[Item]:
        return [
            _notice(hearer, Reason.GAP, missed=gap.missed if hearer.confirmed <= gap.seen else None)
            for hearer in channel.hearers
            if hearer.live and hearer.confirmed <= gap.latest
        ]


def _notice(hearer: Hearer, reason: Reason, *, missed: int | None = None, code: Code | None = None) -> Item:
    return (hearer.recipient,), Loss(reason, hearer.topic, missed, code)
