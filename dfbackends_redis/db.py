"""The database side of Redis."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count, islice
from typing import Any, TypeVar

from dfbackends.api import (
    Change,
    DbApi,
    Expect,
    Feed,
    Fence,
    Finding,
    Gone,
    Head,
    Inspecting,
    Key,
    Message,
    OpId,
    Position,
    Record,
    Stream,
    Table,
    Transactional,
    Watching,
    Write,
)
from dfbackends.errors import Divided, ErrorTable
from dfbackends_redis import scan
from dfbackends_redis.changes import ChangeFeed
from dfbackends_redis.errors import CLUSTER_ERRORS, ERRORS
from dfbackends_redis.heads import head_of, heads
from dfbackends_redis.inspection import inspected
from dfbackends_redis.place import place, place_of, places
from dfbackends_redis.record import records, unpacked
from dfbackends_redis.requests import Call, Requests, all_of
from dfbackends_redis.spread import first_of, in_turn
from dfbackends_redis.writes import Share, cancelling, revisions, several, shares, single, together

_DROPPED_AT_ONCE = 200

T = TypeVar("T")


class RedisDb(DbApi, Transactional, Watching, Inspecting):
    """The entries of a server, or of the master that Sentinel names."""

    errors: ErrorTable = ERRORS

    def __init__(
        self,
        requests: Requests,
        *,
        timeout: float,
        patience: float,
        keep: float,
        failover: float = 0.0,
        replicas: int = 0,
    ) -> None:
        """Keep outcomes for ``keep`` seconds; an answer counts when so many replicas have what it tells of."""
        self.timeout = timeout
        self.failover = failover
        self._patience = patience
        self._requests = requests
        self._keep = round(keep * 1000)
        self._replicas = replicas
        self._name = secrets.token_hex(8)
        self._numbers = count()

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        if len(keys) == 1:
            [(table, name)] = keys
            home = place_of(table, name)
            stored = self._requests.answer(home.slot, "HGET", home.records, name)
            return [None if stored is None else unpacked(stored)]
        table = keys[0].table
        if table.buckets == 1 and all(other is table or other == table for other, _ in keys):
            home = place(table)
            return records(self._requests.answer(home.slot, "HMGET", home.records, *[name for _, name in keys]))
        groups: dict[str, list[int]] = {}
        calls: dict[str, Call] = {}
        for number, (table, name) in enumerate(keys):
            home = place_of(table, name)
            groups.setdefault(home.records, []).append(number)
            calls.setdefault(home.records, Call(home.slot, ("HMGET", home.records)))
        asked = [
            call._replace(command=(*call.command, *(keys[number].name for number in groups[where])))
            for where, call in calls.items()
        ]
        found: list[Record | None] = [None] * len(keys)
        for numbers, answer in zip(groups.values(), all_of(self._requests.answers(asked)), strict=True):
            for number, record in zip(numbers, records(answer), strict=True):
                found[number] = record
        return found

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        if len(writes) == 1:
            [answer] = all_of(self._answers([single(writes[0], op, self._keep)]))
            return revisions(answer, 1) or [None]
        divided = shares([write.key for write in writes], op)
        answers = self._answers(
            [several(share, [writes[number] for number in share.numbers], op, self._keep) for share in divided]
        )
        done: list[int | None | Exception] = [None] * len(writes)
        for share, answer in zip(divided, answers, strict=True):
            found = answer if isinstance(answer, Exception) else revisions(answer, len(share.numbers))
            _enter(done, share, found or ())
        return _undivided(done)

    def commit(
        self, writes: Sequence[Write], checks: Mapping[Key, Expect | int], messages: Sequence[Message], op: OpId
    ) -> list[int] | None:
        [answer] = all_of(self._answers([together(writes, checks, messages, op, self._keep)]))
        found = revisions(answer, len(writes))
        return None if found is None else [revision for revision in found if revision is not None]

    def cancel(self, keys: Sequence[Key], op: OpId) -> list[int | None | Fence]:
        divided = shares(keys, op)
        answers = self._answers([cancelling(share, self._keep) for share in divided])
        done: list[int | None | Fence | Exception] = [Fence.NEVER] * len(keys)
        for share, answer in zip(divided, answers, strict=True):
            found = answer if isinstance(answer, Exception) else revisions(answer, len(share.numbers))
            if isinstance(found, list) and len(found) > len(share.numbers):
                return [*found]  # A commit, which is never divided.
            _enter(done, share, found or ())
        return _undivided(done)

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        if topic is None:
            return chain.from_iterable(page for home in places(table) for page in scan.bucket(self._requests, home))
        if not topic:
            return iter(())
        return chain.from_iterable(page for home in places(table) for page in scan.topic(self._requests, home, topic))

    def drop(self, table: Table) -> None:
        names = (name for name, _ in self.scan(table))
        while part := list(islice(names, _DROPPED_AT_ONCE)):
            self.write([Write(Key(table, name), None) for name in part], OpId(f"{self._name}-{next(self._numbers)}"))

    def heads(self, streams: Sequence[Stream]) -> list[Head]:
        found = all_of(heads(self._requests, streams))
        return [head_of(table, by_bucket) for (table, _), by_bucket in zip(streams, found, strict=True)]

    def watch(self, after: Position | None = None) -> Feed[Stream, Change]:
        if after is not None:
            raise Gone("the changes of this backend are not kept")
        return first_of(
            self._requests,
            in_turn(self._requests, "subscribers"),
            lambda node: ChangeFeed(self._requests, node, self._patience),
        )

    def inspect(self) -> Sequence[Finding]:
        return inspected(self._requests.servers, self.failover)

    def close(self) -> None:
        self._requests.close()

    def _answers(self, calls: Sequence[Call]) -> list[Any]:
        """Return the answers of scripts that write, an exception for each that failed."""
        if len(calls) == 1 and not self._replicas:
            [(slot, command, _)] = calls
            return [self._requests.answer(slot, *command)]
        return self._requests.answers([call._replace(replicas=self._replicas) for call in calls])


class RedisClusterDb(RedisDb):
    """The entries of a cluster."""

    errors: ErrorTable = CLUSTER_ERRORS


def _enter(done: list[T | Exception], share: Share, found: Sequence[T | Exception] | Exception) -> None:
    """Set what became of the writes of a share, where there is anything to be set."""
    if isinstance(found, Exception):
        found = [found] * len(share.numbers)
    for number, one in zip(share.numbers, found, strict=False):
        done[number] = one


def _undivided(done: list[T | Exception]) -> list[T]:
    """Return what there is for each write, if none has failed.

    :raises Divided: some have, or not all in the same way
    """
    failures = [answer for answer in done if isinstance(answer, Exception)]
    if failures and any(answer is not failures[0] for answer in done):
        raise Divided(done) from failures[0]
    return all_of(done)
