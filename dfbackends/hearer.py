"""One who hears a topic: what he is called with, and how he stands with the line."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from enum import Enum
from typing import Any

from dfbackends.backlog import Backlog
from dfbackends.codec import decode
from dfbackends.delivery import Recipient
from dfbackends.errors import InvalidValue
from dfbackends.failures import Failures
from dfbackends.loss import Loss, Reason

LOG = logging.getLogger(__name__)


class Standing(Enum):
    """What becomes of the messages of a topic."""

    LIVE = "live"
    """They come, or are told as lost."""
    INTERRUPTED = "interrupted"
    """The line is down; it may go on where it broke."""
    CLEARED = "cleared"
    """They do not come until the subscription is renewed."""


class Hearer:
    """The topic as the application names it, and ``name``, as the driver does."""

    def __init__(
        self,
        topic: str,
        name: str,
        backlog: Backlog,
        on_message: Callable[[str, Any], object],
        on_loss: Callable[[Loss], object],
    ) -> None:
        self.topic: str = topic
        self.name: str = name
        self.recipient: Recipient = Recipient(f"the handler {_called(on_message)} of topic {topic!r}", backlog, self._hand)
        self.standing: Standing = Standing.CLEARED
        self.confirmed: float = 0.0
        """When the backend confirmed the topic (time.monotonic)."""
        # Held by the one call that renews it.
        self.renewing: threading.Lock = threading.Lock()
        self._skipped = Failures(LOG)
        self._on_message = on_message
        self._on_loss = on_loss

    @property
    def live(self) -> bool:
        """Whether messages come, or are told as lost."""
        return self.standing is Standing.LIVE

    def _hand(self, item: bytes | Loss) -> None:
        if isinstance(item, Loss):
            self._on_loss(item)
            return
        try:
            data = decode(item)
        except InvalidValue:
            self.recipient.malformed += 1
            self._skipped.tell("skipped", "a message of topic %r is not JSON, and was skipped", self.topic)
            self._on_loss(Loss(Reason.GAP, self.topic, 1))
        else:
            self._on_message(self.topic, data)


def _called(function: object) -> str:
    # Its name, never its text, which may hold values.
    name = getattr(function, "__qualname__", None)
    return name if isinstance(name, str) else type(function).__qualname__
