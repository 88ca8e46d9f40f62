"""The database side of etcd."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count, islice

from dfbackends.api import (
    Change,
    DbApi,
    Expect,
    Feed,
    Fence,
    Finding,
    Inspecting,
    Key,
    Limits,
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
from dfbackends.errors import Divided, ErrorTable, OutcomeUnknown, understand
from dfbackends_etcd import scan
from dfbackends_etcd.changes import ChangeFeed
from dfbackends_etcd.errors import ERRORS, CallFailed, LeaseLost, NotTried, is_full, is_lease_lost
from dfbackends_etcd.heads import heads
from dfbackends_etcd.inspection import inspected
from dfbackends_etcd.layout import end, fence, name_prefix, record
from dfbackends_etcd.lease import Lease
from dfbackends_etcd.members import Members
from dfbackends_etcd.names import escaped
from dfbackends_etcd.outcome import answers
from dfbackends_etcd.step import Size
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.writer import Writer

_FENCED_FOR = 3600.0
_AT_ONCE = 100

_MARGIN = 65_536
"""Bytes of a request that keys and comparisons may take."""


class EtcdDb(DbApi, Transactional, Watching, Inspecting):
    """The entries of a cluster of etcd."""

    errors: ErrorTable = ERRORS
    limits: Limits = Limits(value=753_664, commit=100)

    def __init__(self, members: Members, *, keep: float, failover: float, most_ops: int, most_bytes: int) -> None:
        """Keep outcomes for ``keep`` seconds; the members take so many operations and bytes in a request."""
        self.timeout = members.timeout
        self.failover = failover
        # An entry with a topic is stored twice; each write is compared, and looked at where that fails.
        self.limits = Limits(value=(most_bytes - _MARGIN) // 2, commit=most_ops * 25 // 32)
        self._most_bytes = most_bytes - _MARGIN
        self._most_ops = most_ops
        self._members = members
        self._fences = Lease(members, _FENCED_FOR)
        self._writer = Writer(members, Lease(members, keep), Size(most_ops, most_bytes))
        self._name = secrets.token_hex(8)
        self._numbers = count()

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        if len(keys) == 1:
            prefix = name_prefix(keys[0])
            kvs = self._members.answer("range", rpc.RangeRequest(key=prefix, range_end=end(prefix), limit=1)).kvs
            return [record(kvs[0]) if kvs else None]
        requests = []
        for first in range(0, len(keys), _AT_ONCE):
            prefixes = map(name_prefix, keys[first : first + _AT_ONCE])
            ranges = [rpc.RangeRequest(key=prefix, range_end=end(prefix), limit=1) for prefix in prefixes]
            requests.append(rpc.TxnRequest(success=[rpc.RequestOp(request_range=one) for one in ranges]))
        found: list[Record | None] = []
        for answer in self._members.answers("txn", requests):
            if isinstance(answer, Exception):
                raise answer
            for response in answer.responses:
                kvs = response.response_range.kvs
                found.append(record(kvs[0]) if kvs else None)
        return found

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        if len(writes) == 1:
            return self._writer.each(writes, op, 0, None)
        parts = list(self._divided(writes))
        views = self._writer.views([[write.key for write in part] for part in parts], op)
        done: list[int | None] = []
        for part, view in zip(parts, views, strict=True):
            try:
                done += self._writer.each(part, op, len(done), view)
            except Exception as error:
                if not done:
                    raise
                # What is refused would be so for the rest, too; behind what is in doubt it was not tried.
                doubtful = understand(error, self.errors).kind is OutcomeUnknown
                rest: Exception = NotTried("a part before it is in doubt") if doubtful else error
                failed = [error] * len(part) + [rest] * (len(writes) - len(done) - len(part))
                raise Divided([*done, *failed]) from error
        return done

    def commit(
        self, writes: Sequence[Write], checks: Mapping[Key, Expect | int], messages: Sequence[Message], op: OpId
    ) -> list[int] | None:
        done = self._writer.together(writes, checks, messages, op)
        return None if done is None else [revision for revision in done if revision is not None]

    def cancel(self, keys: Sequence[Key], op: OpId) -> list[int | None | Fence]:
        until = time.monotonic() + self.timeout
        prefix = fence(op)
        kept = rpc.RangeRequest(key=prefix, range_end=end(prefix))
        lease = self._fences.id(until)
        request = rpc.TxnRequest(
            success=[
                rpc.RequestOp(request_range=kept),
                rpc.RequestOp(request_put=rpc.PutRequest(key=prefix, value=keys[0].table.name.encode(), lease=lease)),
            ]
        )
        try:
            kvs = self._members.answer("txn", request, until).responses[0].response_range.kvs
        except CallFailed as error:
            if is_lease_lost(error):
                self._fences.lost(lease)
                raise LeaseLost from error
            if not is_full(error):
                raise
            # What was done needs no fence.
            found = answers(self._members.answer("range", kept, until).kvs, op, len(keys))
            if Fence.NEVER in found:
                raise
            return found
        return answers(kvs, op, len(keys))

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        if topic is None:
            return chain.from_iterable(scan.table(self._members, table.name))
        return chain.from_iterable(scan.topic(self._members, table.name, topic)) if topic else iter(())

    def drop(self, table: Table) -> None:
        names = (name for name, _ in self.scan(table))
        while part := list(islice(names, _AT_ONCE)):
            self.write([Write(Key(table, name), None) for name in part], OpId(f"{self._name}-{next(self._numbers)}"))

    def watch(self, after: Position | None = None) -> Feed[Stream, Change]:
        return ChangeFeed(self._members, after)

    def heads(self, streams: Sequence[Stream]) -> list[str]:
        return [head.token for head in heads(self._members, streams)]

    def inspect(self) -> Sequence[Finding]:
        return inspected(self._members, self._most_ops)

    def close(self) -> None:
        self._members.close()

    def _divided(self, writes: Sequence[Write]) -> Iterator[Sequence[Write]]:
        """Divide writes, the same way each time, into parts that one request takes."""
        first = size = 0
        for number, (key, value, topic, _) in enumerate(writes):
            # Each key is named some ten times, and so is the topic that an entry leaves.
            costs = 10 * (len(name_prefix(key)) + len(escaped(topic))) + 4096
            costs += (2 if topic else 1) * len(value or b"")
            if number - first == self.limits.commit or (size + costs > self._most_bytes and number > first):
                yield writes[first:number]
                first, size = number, 0
            size += costs
        yield writes[first:]
