"""A store in memory whose revisions are others than the places in its log."""

from __future__ import annotations

from dfbackends.api import OpId, Record, Stream, Write
from dfbackends.drivers.memory import Store


class RenumberedStore(Store):
    """Gives the revisions that ``number`` returns; sound as it is, since those are the usual ones."""

    def number(self, write: Write, before: Record | None, revision: int) -> int:
        """Return the revision of a write to an entry that was ``before``; ``revision`` is the usual one."""
        return revision

    def put(self, write: Write, op: OpId) -> int:
        table, name = write.key
        before = self.tables.get(table, {}).get(name)
        revision = self.number(write, before, super().put(write, op))
        if write.value is not None:
            record = Record(write.value, revision, write.topic)
            self.tables[table][name] = record
            if write.topic:
                self.topics[Stream(table, write.topic)][name] = record
        logged = self.log.pop()
        changes = [
            change._replace(revision=revision, record=change.record and change.record._replace(revision=revision))
            for change in logged.changes
        ]
        self.log.append(logged._replace(changes=changes))
        return revision
