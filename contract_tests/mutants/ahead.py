"""A store in a file that tells other revisions than it keeps, and understands them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from contract_tests.mutants.turned import Event, TurnedFeed
from dfbackends.api import Change, Expect, Feed, Fence, Key, Message, OpId, Position, Record, Stream, Table, Write
from dfbackends.drivers.sqlite import SqliteDb


class Ahead(SqliteDb):
    """Revisions are told as so much higher than they are; sound as it is, since that is nothing."""

    by = 0

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
        return TurnedFeed(super().watch(after), self._as_told)

    def _as_kept(self, writes: Sequence[Write]) -> list[Write]:
        return [write._replace(expect=write.expect - self.by) if isinstance(write.expect, int) else write for write in writes]

    def _as_told(self, item: Event) -> Event:
        if not isinstance(item, Change):
            return item
        record = item.record and item.record._replace(revision=item.record.revision + self.by)
        return item._replace(record=record, revision=item.revision + self.by)
