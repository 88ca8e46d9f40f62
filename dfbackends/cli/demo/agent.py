"""The second process of the demonstration: it keeps a copy of a table from one full read and the messages since."""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

import dfbackends
from dfbackends import Backend, Loss, Reason, Subscription


class Agent:
    """The copy. What happens to it is told on standard output; ``report`` on standard input asks for it."""

    def __init__(self, backend: Backend, table: str, *, ignore_loss: bool) -> None:
        self._db = backend.db
        self._table = table
        self._ignore_loss = ignore_loss
        # Guards the copy and the output: messages are handled in another thread than requests.
        self._lock = threading.Lock()
        self._copy: dict[str, Any] = {}

    def reload(self) -> None:
        """Read all again."""
        copy = {entry.key: entry.value for entry in self._db.entries(self._table)}
        with self._lock:
            self._copy = copy
            self._tell(event="loaded", entries=len(copy))

    def change(self, topic: str, data: Any) -> None:
        """Apply a message: a key, and its value or, where it is gone, none."""
        with self._lock:
            if "value" in data:
                self._copy[data["key"]] = data["value"]
            else:
                self._copy.pop(data["key"], None)

    def loss(self, subscription: Subscription, loss: Loss) -> None:
        """Do what an agent must: subscribe again where that was cleared, and read all where anything may be missing."""
        with self._lock:
            self._tell(event="loss", reason=loss.reason.name, code=loss.code)
        if self._ignore_loss:
            return
        if loss.reason is Reason.RECOVERED:
            subscription.renew()
            with self._lock:
                self._tell(event="renewed")
        if loss.reason in (Reason.RECOVERED, Reason.GAP, Reason.OVERFLOW):
            self.reload()

    def answer(self) -> None:
        """Answer requests until nobody asks any more."""
        for _ in sys.stdin:
            with self._lock:
                self._tell(event="report", copy=self._copy)

    def _tell(self, **event: Any) -> None:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


def run(url: str, table: str, topic: str, *, ignore_loss: bool) -> None:
    """Keep a copy until standard input ends."""
    with dfbackends.open(url) as backend:
        agent = Agent(backend, table, ignore_loss=ignore_loss)
        # First subscribe, then read: what changes in between comes as a message.
        backend.pubsub.subscribe(topic, agent.change, on_loss=agent.loss)
        agent.reload()
        agent.answer()
