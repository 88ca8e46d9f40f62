"""The topics of Redis."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from dfbackends.api import Feed, Finding, Gone, Inspecting, Message, Position, PubSubApi
from dfbackends.errors import ErrorTable, Refused, understand
from dfbackends_redis.errors import CLUSTER_ERRORS, ERRORS, PartlyDone
from dfbackends_redis.inspection import inspected
from dfbackends_redis.messages import MessageFeed
from dfbackends_redis.names import message_channel
from dfbackends_redis.node import Node
from dfbackends_redis.place import slot
from dfbackends_redis.requests import Requests
from dfbackends_redis.resp import Word
from dfbackends_redis.scripts import PUBLISH
from dfbackends_redis.spread import first_of, guard_of, in_turn, others_first

_AT_ONCE = 500
_AT_ONCE_BYTES = 1 << 20


class RedisPubSub(PubSubApi, Inspecting):
    """The channels of a server, or of the master that Sentinel names. Messages go out by one server, until that is gone."""

    errors: ErrorTable = ERRORS

    def __init__(self, requests: Requests, *, timeout: float, patience: float, failover: float = 0.0) -> None:
        self.timeout = timeout
        self.failover = failover
        self._patience = patience
        self._requests = requests
        self._guard: str | None = None
        self._publisher: Node | None = None

    def publish(self, messages: Sequence[Message]) -> None:
        sent = False
        for words in _batches(messages):
            guard = self._guard
            try:
                if guard is None:
                    guard = self._guard = self._choose()
                self._requests.answer(slot(guard), "EVALSHA", PUBLISH.sha, 1, guard, *words)
            except Exception as error:
                # Who was refused stays: what goes out next by another server could overtake what went out just before.
                if understand(error, self.errors).kind is not Refused:
                    self._guard = None
                if sent:
                    raise PartlyDone("a part of the messages was sent") from error
                raise
            sent = True

    def listen(self, after: Position | None = None) -> Feed[str, Message]:
        if after is not None:
            raise Gone("messages are not kept")
        nodes = in_turn(self._requests, "subscribers")
        try:
            return first_of(self._requests, nodes, lambda node: MessageFeed(self._requests, node, self._patience))
        finally:
            self._rest(nodes)

    def inspect(self) -> Sequence[Finding]:
        try:
            return inspected(self._requests.servers, self.failover)
        finally:
            self._rest(self._requests.servers.masters())

    def close(self) -> None:
        self._requests.close()

    def _choose(self) -> str:
        """Return the guard of the server whose turn it is, or, after one that is gone, of another that can be reached."""
        # One that says nothing costs as much time as a message may take: another one is tried when the call is repeated.
        until = time.monotonic() + self._patience / 2
        if self._publisher is None:
            nodes = in_turn(self._requests, "publishers")
        else:
            # Whose turn it is may be known by the very server that says nothing.
            nodes = others_first(self._requests, self._publisher)
        node = first_of(self._requests, nodes, self._reach, until=until)
        self._rest(nodes)
        return guard_of(self._requests, node)

    def _reach(self, node: Node) -> Node:
        self._publisher = node
        node.warm()
        return node

    def _rest(self, nodes: Sequence[Node]) -> None:
        """Keep no lines to servers that are not used."""
        for node in nodes:
            if node is not self._publisher:
                node.rest()


class RedisClusterPubSub(RedisPubSub):
    """The channels of a cluster."""

    errors: ErrorTable = CLUSTER_ERRORS


def _batches(messages: Sequence[Message]) -> Iterator[list[Word]]:
    words: list[Word] = []
    size = 0
    for topic, data, _, _ in messages:
        words += (message_channel(topic), b"P%b" % data)
        size += len(data)
        if len(words) >= 2 * _AT_ONCE or size >= _AT_ONCE_BYTES:
            yield words
            words, size = [], 0
    if words:
        yield words
