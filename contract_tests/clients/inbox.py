"""A subscriber that remembers what it was told, in order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import dfbackends
from contract_tests.waiting import FACTOR, QUIET, SOON

Event = tuple[str, Any]


class Inbox:
    """Keeps events: ``("message", (topic, data))`` and ``("loss", loss)``. Waits for them, and never polls."""

    def __init__(self) -> None:
        # Guards the events.
        self._changed = threading.Condition()
        self._events: list[Event] = []
        self.subscription: dfbackends.Subscription | None = None

    def on_message(self, topic: str, data: Any) -> None:
        """Remember a message."""
        self._add(("message", (topic, data)))

    def on_loss(self, subscription: dfbackends.Subscription, loss: dfbackends.Loss) -> None:
        """Remember a loss."""
        self._add(("loss", loss))

    def subscribe(self, pubsub: dfbackends.PubSub, topic: str, **settings: Any) -> Inbox:
        """Subscribe, and return itself."""
        self.subscription = pubsub.subscribe(topic, self.on_message, on_loss=self.on_loss, **settings)
        return self

    @property
    def events(self) -> list[Event]:
        """All that was told, in order."""
        with self._changed:
            return list(self._events)

    @property
    def data(self) -> list[Any]:
        """The data of the messages, in order."""
        return [data for _, data in self.messages]

    @property
    def messages(self) -> list[tuple[str, Any]]:
        """The messages as (topic, data), in order."""
        return [event for kind, event in self.events if kind == "message"]

    @property
    def losses(self) -> list[dfbackends.Loss]:
        """The losses, in order."""
        return [event for kind, event in self.events if kind == "loss"]

    @property
    def reasons(self) -> list[dfbackends.Reason]:
        """The reasons of the losses, in order."""
        return [loss.reason for loss in self.losses]

    def wait(self, holds: Callable[[], bool], what: str, budget: float = SOON) -> None:
        """Return once it holds; it is asked after each event.

        :raises AssertionError: it did not within the budget
        """
        with self._changed:
            if not self._changed.wait_for(holds, budget * FACTOR):
                raise AssertionError(f"not within {budget * FACTOR:g} s: {what}; what came: {self._events[-20:]}")

    def wait_data(self, expected: list[Any], budget: float = SOON) -> None:
        """Return once the messages are exactly these."""
        self.wait(lambda: len(self.data) >= len(expected), f"{len(expected)} messages", budget)
        assert self.data == expected

    def wait_reasons(self, *expected: dfbackends.Reason, budget: float = SOON) -> None:
        """Return once the losses have exactly these reasons."""
        self.wait(lambda: len(self.losses) >= len(expected), f"losses {[reason.name for reason in expected]}", budget)
        assert self.reasons == list(expected)

    def stays(self, budget: float = QUIET) -> None:
        """Return when nothing has come for the whole budget."""
        with self._changed:
            before = len(self._events)
            came = self._changed.wait_for(lambda: len(self._events) > before, budget * FACTOR)
            assert not came, f"nothing was to come, and then: {self._events[before:]}"

    def _add(self, event: Event) -> None:
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()
