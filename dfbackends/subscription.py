"""One topic, and the two functions that are called about it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from enum import Enum
from types import TracebackType
from typing import Any, final

from dfbackends.backlog import Backlog
from dfbackends.codec import decode
from dfbackends.delivery import Recipient
from dfbackends.errors import InvalidValue
from dfbackends.loss import Loss, Reason

LOG = logging.getLogger(__name__)

OnMessage = Callable[[str, Any], object]
"""Called with the topic and the data, which are its own."""

OnLoss = Callable[["Subscription", Loss], object]
"""Called where messages may be missing, before the next one."""


class Standing(Enum):
    """What becomes of messages of a subscription."""

    LIVE = "live"
    """They come, or are told as lost."""
    INTERRUPTED = "interrupted"
    """The line is down; it may go on where it broke."""
    CLEARED = "cleared"
    """They do not come until it is renewed."""


@final
class Subscription:
    """Made by ``PubSub.subscribe``, it lasts until ``unsubscribe``; also a context manager, which does that at its end."""

    def __init__(
        self,
        topic: str,
        on_message: OnMessage,
        on_loss: OnLoss,
        backlog: Backlog,
        *,
        renew: Callable[[Subscription], None],
        unsubscribe: Callable[[Subscription], None],
    ) -> None:
        self.topic = topic
        self.standing = Standing.CLEARED
        self.confirmed = 0.0
        """When the backend confirmed it (time.monotonic)."""
        self.recipient = Recipient(f"the handler {_name(on_message)} of topic {topic!r}", backlog, self._hand)
        self.renewing = threading.Lock()
        """Held by the one call that renews it."""
        self._on_message = on_message
        self._on_loss = on_loss
        self._renew = renew
        self._unsubscribe = unsubscribe

    @property
    def live(self) -> bool:
        """Whether messages published now come, or are told as lost: not while the line is down, nor until ``renew`` after
        it was told RECOVERED."""
        return self.standing is Standing.LIVE

    def renew(self) -> None:
        """Subscribe again after RECOVERED; return when the backend has confirmed. Harmless for a live subscription.

        Where it fails RECOVERED is told again after the next outage.

        :raises Refused: the backend denied the topic
        :raises Unavailable: the line was down until the deadline, or broke
        :raises Closed: the subscription, or all of it, was ended
        """
        self._renew(self)

    def unsubscribe(self) -> None:
        """End the subscription: no call starts any more. Twice is harmless, and so is after closing.

        Outside of handlers it waits for the call that runs, for 5 seconds at most.
        """
        self._unsubscribe(self)

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None, /) -> None:
        self.unsubscribe()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.topic!r} {self.standing.value}>"

    def _hand(self, item: bytes | Loss) -> None:
        if isinstance(item, Loss):
            self._on_loss(self, item)
            return
        try:
            data = decode(item)
        except InvalidValue:
            self.recipient.malformed += 1
            LOG.warning("a message of topic %r is not JSON, and was skipped", self.topic)
            self._on_loss(self, Loss(Reason.GAP, self.topic, 1))
        else:
            self._on_message(self.topic, data)


def renew(subscription: Subscription, loss: Loss) -> None:
    """Renew the subscription when it was cleared: an ``on_loss`` for who reloads nothing."""
    if loss.reason is Reason.RECOVERED:
        subscription.renew()


def _name(function: object) -> str:
    name = getattr(function, "__qualname__", None)
    return name if isinstance(name, str) else type(function).__qualname__
