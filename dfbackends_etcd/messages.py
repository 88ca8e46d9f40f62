"""The messages of topics, as they arrive.

A key counts how often it was put since it was there: so a message shows whether one is missing before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from dfbackends.api import Message
from dfbackends_etcd.feed import EtcdFeed, Events
from dfbackends_etcd.layout import message_key, messages_in
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.watches import Watched


class MessageFeed(EtcdFeed[str, Message]):
    """The messages of topics on one line."""

    # That the last messages of a topic were removed is no news.
    filters: ClassVar[Sequence[int]] = (rpc.WatchCreateRequest.NODELETE,)

    def _range(self, topic: str) -> tuple[bytes, bytes]:
        return message_key(topic), b""

    def _enter(self, watch: Watched[str]) -> None:
        """There is nothing to be known."""

    def _heard(self, watch: Watched[str], found: Sequence[Any], events: Events[Message, str]) -> Any:
        kv: Any = None
        for event in found:
            kv = event.kv
            prev = watch.head if not watch.count or kv.version in (1, watch.count + 1) else f"{watch.head}+"
            watch.count = kv.version
            try:
                messages = list(messages_in(kv))
            except ValueError:
                # Somebody else has put it.
                messages = [Message(watch.topic, kv.value)]
            for number, message in enumerate(messages, 1):
                head = f"{kv.mod_revision}/{number}"
                events.append(Message(watch.topic, message.data, prev, head))
                prev = watch.head = head
        return kv
