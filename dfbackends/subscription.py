"""One topic, and the two functions that are called about it."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, final

from dfbackends.hearer import Hearer
from dfbackends.loss import Loss, Reason

OnMessage = Callable[[str, Any], object]
"""Called with the topic and the data, which are its own."""

OnLoss = Callable[["Subscription", Loss], object]
"""Called where messages may be missing, before the next one."""


@final
class Subscription:
    """Made by ``PubSub.subscribe``, it lasts until ``unsubscribe``; also a context manager, which does that at its end."""

    def __init__(self, hearer: Hearer, *, renew: Callable[[Hearer], None], unsubscribe: Callable[[Hearer], None]) -> None:
        self._hearer = hearer
        self._renew = renew
        self._unsubscribe = unsubscribe

    @property
    def topic(self) -> str:
        """What was subscribed."""
        return self._hearer.topic

    @property
    def live(self) -> bool:
        """Whether messages published now come, or are told as lost: not while the line is down, nor until ``renew`` after
        it was told RECOVERED."""
        return self._hearer.live

    def renew(self) -> None:
        """Subscribe again after RECOVERED; return when the backend has confirmed. Harmless for a live subscription.

        Where it fails RECOVERED is told again after the next outage.

        :raises Refused: the backend denied the topic
        :raises Unavailable: the line was down until the deadline, or broke
        :raises Closed: the subscription, or all of it, was ended
        """
        self._renew(self._hearer)

    def unsubscribe(self) -> None:
        """End the subscription: no call starts any more. Twice is harmless, and so is after closing.

        Outside of handlers it waits for the call that runs, for 5 seconds at most.
        """
        self._unsubscribe(self._hearer)

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None, /) -> None:
        self.unsubscribe()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.topic!r} {self._hearer.standing.value}>"


def renew(subscription: Subscription, loss: Loss) -> None:
    """Renew the subscription when it was cleared: an ``on_loss`` for who reloads nothing."""
    if loss.reason is Reason.RECOVERED:
        subscription.renew()
