"""The topics of a store in memory."""

from __future__ import annotations

from collections.abc import Sequence

from dfbackends.api import Feed, Message, Position, PubSubApi
from dfbackends.drivers.memory.feed import MessageFeed
from dfbackends.drivers.memory.handle import Handle


class MemoryPubSub(Handle, PubSubApi):
    """The topics of a store. What a transaction sends comes here, too."""

    def publish(self, messages: Sequence[Message]) -> None:
        store = self._store
        with store.lock:
            for message in messages:
                store.send(message)
            store.changed.notify_all()

    def listen(self, after: Position | None = None) -> Feed[str, Message]:
        return MessageFeed(self._store, after)
