"""What a subscriber got, in order, and how a test waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from dfbackends.loss import Loss
from dfbackends.subscription import Subscription, renew
from tests.waiting import PATIENCE


class Inbox:
    """Keeps the data of messages and the notices of a subscription; renews it when it was cleared, unless told otherwise."""

    def __init__(self, *, renews: bool = True) -> None:
        self.renews = renews
        self._changed = threading.Condition(threading.Lock())
        self._items: list[Any] = []

    def on_message(self, topic: str, data: Any) -> None:
        self._add(data)

    def on_loss(self, subscription: Subscription, loss: Loss) -> None:
        self._add(loss)
        if self.renews:
            renew(subscription, loss)

    def _add(self, item: Any) -> None:
        with self._changed:
            self._items.append(item)
            self._changed.notify_all()

    @property
    def items(self) -> list[Any]:
        """Messages, and the notices with all that they tell."""
        with self._changed:
            return list(self._items)

    @property
    def story(self) -> list[Any]:
        """Messages, and the reasons of the notices."""
        return _story(self.items)

    @property
    def losses(self) -> list[Loss]:
        """The notices."""
        return [item for item in self.items if isinstance(item, Loss)]

    def until(self, last: Any, seconds: float = PATIENCE) -> list[Any]:
        """Return the story when this has come."""
        return self._wait(lambda: last in _story(self._items), f"{last!r} has not come", seconds)

    def count(self, number: int, seconds: float = PATIENCE) -> list[Any]:
        """Return the story when it has so many parts."""
        return self._wait(lambda: len(self._items) >= number, f"{number} items have not come", seconds)

    def _wait(self, condition: Callable[[], bool], complaint: str, seconds: float) -> list[Any]:
        with self._changed:
            assert self._changed.wait_for(condition, seconds), f"{complaint}: {self._items}"
            return _story(self._items)


def _story(items: list[Any]) -> list[Any]:
    return [item.reason if isinstance(item, Loss) else item for item in items]
