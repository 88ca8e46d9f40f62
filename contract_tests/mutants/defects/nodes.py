"""Nodes of a server that do not have what another one had."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from contract_tests.mutants.registry import Base, mutant
from contract_tests.mutants.remote.node import KEPT, Node
from dfbackends.api import Change, Expect, Feed, Fence, Key, Message, OpId, Position, Record, Stream, Table, Write
from dfbackends.drivers.memory import MemoryDb, MemoryPubSub, shared
from dfbackends.drivers.sqlite import SqliteDb

_SERVES_FIRST = "stands by" not in sys.argv
_TURN = 1 << 40


@mutant(kills="test_a_server_that_is_killed_under_load", base=Base.SERVED)
class NothingIsWritten(Node):
    """A server acknowledges what it has in memory, and writes none of it down."""

    def open(self, path: str) -> None:
        store = shared("served", log_rows=100_000, keep=KEPT)
        self.db, self.pubsub = MemoryDb(store), MemoryPubSub(store)


@mutant(kills="test_what_was_acknowledged_survives_a_failover", base=Base.SERVED)
class NothingIsReplicated(Node):
    """Each node has a file of its own."""

    def open(self, path: str) -> None:
        super().open(f"{path}-{_SERVES_FIRST}")


class _Ahead(SqliteDb):
    """Revisions are told as higher than they are."""

    by = (1 << 50) if _SERVES_FIRST else (1 << 50) - _TURN

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        return [record and record._replace(revision=record.revision + self.by) for record in super().read(keys)]

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        for name, record in super().scan(table, topic):
            yield name, record._replace(revision=record.revision + self.by)

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        return [revision and revision + self.by for revision in super().write(self._as_kept(writes), op)]

    def commit(
        self, writes: Sequence[Write], checks: Mapping[Key, Expect | int], messages: Sequence[Message], op: OpId
    ) -> list[int] | None:
        kept = {key: expect - self.by if isinstance(expect, int) else expect for key, expect in checks.items()}
        revisions = super().commit(self._as_kept(writes), kept, messages, op)
        return revisions and [revision + self.by for revision in revisions]

    def cancel(self, keys: Sequence[Key], op: OpId) -> list[int | None | Fence]:
        return [found + self.by if isinstance(found, int) else found for found in super().cancel(keys, op)]

    def watch(self, after: Position | None = None) -> Feed[Stream, Change]:
        feed = super().watch(after)
        receive = feed.receive
        feed.receive = lambda timeout: [self._as_told(item) for item in receive(timeout)]  # type: ignore[method-assign]
        return feed

    def _as_kept(self, writes: Sequence[Write]) -> list[Write]:
        return [write._replace(expect=write.expect - self.by) if isinstance(write.expect, int) else write for write in writes]

    def _as_told(self, item: Any) -> Any:
        if not isinstance(item, Change):
            return item
        record = item.record and item.record._replace(revision=item.record.revision + self.by)
        return item._replace(record=record, revision=item.revision + self.by)


@mutant(kills="test_a_revision_from_before_a_failover", base=Base.SERVED)
class RevisionsAreOfTheNode(Node):
    """The node that takes over counts revisions that are lower than those of the one before."""

    def open(self, path: str) -> None:
        self.db_kind = _Ahead
        super().open(path)

    def stand_by(self, asked: socket.socket) -> None:
        super().stand_by(asked)
        assert isinstance(self.db, _Ahead)
        self.db.by -= 2 * _TURN
