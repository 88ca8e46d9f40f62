"""The topics of etcd."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from dfbackends.api import Feed, Finding, Inspecting, Limits, Message, Position, PubSubApi
from dfbackends.errors import ErrorTable
from dfbackends_etcd.errors import ERRORS, CallFailed, LeaseLost, PartlyDone, is_full, is_lease_lost
from dfbackends_etcd.inspection import inspected
from dfbackends_etcd.layout import OVERHEAD, message_puts
from dfbackends_etcd.lease import Lease
from dfbackends_etcd.members import Members
from dfbackends_etcd.messages import MessageFeed
from dfbackends_etcd.step import Size
from dfbackends_etcd.stubs import rpc


class EtcdPubSub(PubSubApi, Inspecting):
    """The messages of a cluster of etcd. Those of a topic are put into one key, one after the other, and watched there."""

    errors: ErrorTable = ERRORS

    def __init__(self, members: Members, *, keep: float, failover: float, size: Size) -> None:
        """Keep the last messages of a topic for ``keep`` seconds."""
        self.timeout = members.timeout
        self.failover = failover
        self.limits = Limits(value=size.bytes - OVERHEAD - 3 * Limits().topic)
        self._members = members
        self._lease = Lease(members, keep)
        self._size = size
        # A revision that the store had come to before whatever is sent next.
        self._seen = 0

    def publish(self, messages: Sequence[Message]) -> None:
        sent = False
        for part in self._divided(messages):
            try:
                self._send(part)
            except Exception as error:
                if sent:
                    raise PartlyDone("a part of the messages was sent") from error
                raise
            sent = True

    def listen(self, after: Position | None = None) -> Feed[str, Message]:
        return MessageFeed(self._members, after)

    def inspect(self) -> Sequence[Finding]:
        return inspected(self._members, self._size.ops)

    def close(self) -> None:
        self._members.close()

    def _send(self, messages: Sequence[Message]) -> None:
        lease, before = self._lease.id(), self._seen
        puts = message_puts(messages, lease)
        try:
            if len(puts) == 1:
                answer = self._members.answer("put", puts[0].request_put)
            else:
                answer = self._members.answer("txn", rpc.TxnRequest(success=puts))
            self._seen = max(self._seen, answer.header.revision)
        except CallFailed as error:
            if is_full(error) and self._was_sent(puts[0].request_put, before):
                return
            if is_lease_lost(error):
                self._lease.lost(lease)
                raise LeaseLost from error
            raise

    def _was_sent(self, put: Any, before: int) -> bool:
        """Return whether a put was done, behind a revision: the one that uses up a quota is, and is answered as if it was not.

        :raises PartlyDone: that can not be told any more
        """
        until, revision = time.monotonic() + self.timeout, 0
        try:
            while True:
                kvs = self._members.answer("range", rpc.RangeRequest(key=put.key, revision=revision), until).kvs
                # Each message is another one: it names its publisher, and its number.
                if kvs and kvs[0].value == put.value:
                    return True
                if not kvs or kvs[0].mod_revision <= before:
                    return False
                revision = kvs[0].mod_revision - 1
        except Exception as error:
            raise PartlyDone("the server became full, and does not tell what it did last") from error

    def _divided(self, messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
        """Divide messages into parts that one request takes."""
        first = size = 0
        topics: set[str] = set()
        for number, (topic, data, _, _) in enumerate(messages):
            costs = len(data) + OVERHEAD + 3 * len(topic.encode())
            if number > first and (len(topics | {topic}) > self._size.ops or size + costs > self._size.bytes):
                yield messages[first:number]
                first, size, topics = number, 0, set()
            size += costs
            topics.add(topic)
        if first < len(messages):
            yield messages[first:]
