"""The topics of etcd."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import grpc

from dfbackends.api import Feed, Finding, Inspecting, Limits, Message, Position, PubSubApi
from dfbackends.errors import ErrorTable
from dfbackends_etcd.errors import ERRORS, LeaseLost, PartlyDone, is_lease_lost
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
        lease = self._lease.id()
        puts = message_puts(messages, lease)
        try:
            if len(puts) == 1:
                self._members.answer("put", puts[0].request_put)
            else:
                self._members.answer("txn", rpc.TxnRequest(success=puts))
        except grpc.RpcError as error:
            if is_lease_lost(error):
                self._lease.lost(lease)
                raise LeaseLost from error
            raise

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
