"""The database and the topics, as the client sees them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from contract_tests.mutants.remote import frames
from contract_tests.mutants.remote.client import ERRORS, Client
from contract_tests.mutants.remote.feed import RemoteFeed
from dfbackends.api import (
    Change,
    DbApi,
    Expect,
    Feed,
    Fence,
    Key,
    Message,
    OpId,
    Position,
    PubSubApi,
    Record,
    Stream,
    Table,
    Transactional,
    Watching,
    Write,
)
from dfbackends.errors import ErrorTable

_LINE = 2.0
"""Seconds that opening a line may take."""


class _Remote:
    errors: ErrorTable = ERRORS
    client_kind: type[Client] = Client
    feed_kind: type[RemoteFeed[Any, Any]] = RemoteFeed

    def __init__(self, addresses: Sequence[tuple[str, int]], timeout: float) -> None:
        self.timeout = timeout
        self._client = self.client_kind(addresses, timeout)

    def _feed(self, verb: str, after: Position | None) -> RemoteFeed[Any, Any]:
        until = time.monotonic() + _LINE
        connection = self._client.connect(until)
        try:
            return self.feed_kind(connection, verb, after, until, self.timeout)
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        self._client.close()


class RemoteDb(_Remote, DbApi, Transactional, Watching):
    """A handle on the store of a server."""

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        return [frames.record(item) for item in self._client.call("read", keys)]

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        revisions: list[int | None] = self._client.call("write", list(map(frames.pack_write, writes)), op)
        return revisions

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        with self._client.connection() as (connection, until):
            page = connection.ask(["scan", table, topic], until)
            while page:
                for name, item in page:
                    record = frames.record(item)
                    assert record is not None
                    yield name, record
                page = connection.ask(["more"], time.monotonic() + self.timeout)

    def drop(self, table: Table) -> None:
        self._client.call("drop", table)

    def commit(
        self, writes: Sequence[Write], checks: Mapping[Key, Expect | int], messages: Sequence[Message], op: OpId
    ) -> list[int] | None:
        expected = [[key, frames.pack_expect(expect)] for key, expect in checks.items()]
        packed = list(map(frames.pack_write, writes)), expected, list(map(frames.pack_message, messages))
        revisions: list[int] | None = self._client.call("commit", *packed, op)
        return revisions

    def cancel(self, keys: Sequence[Key], op: OpId) -> list[int | None | Fence]:
        answers = self._client.call("cancel", keys, op)
        return [Fence(answer) if isinstance(answer, str) else answer for answer in answers]

    def watch(self, after: Position | None = None) -> Feed[Stream, Change]:
        return self._feed("watch", after)

    def heads(self, streams: Sequence[Stream]) -> list[str]:
        heads: list[str] = self._client.call("heads", streams)
        return heads


class RemotePubSub(_Remote, PubSubApi):
    """A handle on the topics of a server."""

    def publish(self, messages: Sequence[Message]) -> None:
        self._client.call("publish", list(map(frames.pack_message, messages)))

    def listen(self, after: Position | None = None) -> Feed[str, Message]:
        return self._feed("listen", after)
