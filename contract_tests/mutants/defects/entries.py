"""What becomes of entries."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from contract_tests.mutants.registry import mutant
from dfbackends import Database, Entry
from dfbackends.api import Expect, Key, OpId, Record, Stream, Write
from dfbackends.drivers.memory import MemoryDb, Store


@mutant(kills="test_get_returns_what_was_written")
class OverwriteIgnored(Store):
    """A put of a key that is there is acknowledged, and not done."""

    def put(self, write: Write, op: OpId) -> int:
        record = self.tables.get(write.key.table, {}).get(write.key.name)
        if record is not None and write.value is not None and write.expect is Expect.ANY:
            write = write._replace(value=record.value, topic=record.topic)
        return super().put(write, op)


@mutant(kills="test_delete_removes_exactly_one_key")
class DeleteIsNoOp(Store):
    """A deletion is acknowledged, and not done."""

    def put(self, write: Write, op: OpId) -> int:
        record = self.tables.get(write.key.table, {}).get(write.key.name)
        if record is not None and write.value is None and write.expect is Expect.PRESENT:
            write = write._replace(value=record.value, topic=record.topic)
        return super().put(write, op)


@mutant(kills="test_delete_removes_exactly_one_key")
class DeleteTakesThePrefix(Store):
    """A deletion takes all keys along that begin with the one that is deleted."""

    def put(self, write: Write, op: OpId) -> int:
        table, name = write.key
        if write.value is None and write.expect is Expect.PRESENT:
            for other in [other for other in self.tables.get(table, {}) if other.startswith(name) and other != name]:
                super().put(Write(Key(table, other), None), op)
        return super().put(write, op)


@mutant(kills="test_wildcards_delete_nothing_else")
class DeleteTakesWhatMatches(Store):
    """A deletion takes the key for a pattern."""

    def put(self, write: Write, op: OpId) -> int:
        table, name = write.key
        if write.value is None and write.expect is Expect.PRESENT:
            for other in [other for other in self.tables.get(table, {}) if fnmatchcase(other, name) and other != name]:
                super().put(Write(Key(table, other), None), op)
        return super().put(write, op)


@mutant(kills="test_create_of_an_existing_key")
class CreateReplaces(Store):
    """A create of a key that is there replaces the entry."""

    def meets(self, key: Key, expect: Expect | int) -> bool:
        return expect is Expect.ABSENT or super().meets(key, expect)


@mutant(kills="test_missing_keys_are_not_found")
class UpdateCreates(Store):
    """An update, or a deletion, of a missing key is done."""

    def meets(self, key: Key, expect: Expect | int) -> bool:
        return expect is Expect.PRESENT or super().meets(key, expect)


@mutant(kills="test_put_adds_or_replaces")
class PutTouchesItsNeighbour(Store):
    """A new entry gives the one that was added before it in the table a new revision."""

    def put(self, write: Write, op: OpId) -> int:
        table, name = write.key
        entries = self.tables.get(table, {})
        if entries and name not in entries and write.value is not None:
            last, record = list(entries.items())[-1]
            super().put(Write(Key(table, last), record.value, record.topic), op)
        return super().put(write, op)


@mutant(kills="test_the_same_key_in_two_tables")
class TablesLeak(Store):
    """A deletion takes the entries of the same key in other tables along."""

    def put(self, write: Write, op: OpId) -> int:
        table, name = write.key
        if write.value is None and write.expect is Expect.PRESENT:
            space = table.name.partition("/")[0]
            for other, entries in list(self.tables.items()):
                if other != table and other.name.startswith(f"{space}/") and name in entries:
                    super().put(Write(Key(other, name), None), op)
        return super().put(write, op)


@mutant(kills="test_a_new_entry_has_nothing_of_the_old_one")
class OldTopicComesBack(Store):
    """A key that is created again without a topic has the one that it had before."""

    def put(self, write: Write, op: OpId) -> int:
        table, name = write.key
        left: dict[Key, str] = self.__dict__.setdefault("left", {})
        record = self.tables.get(table, {}).get(name)
        if write.value is None and record is not None:
            left[write.key] = record.topic
        elif write.value is not None and record is None and not write.topic:
            write = write._replace(topic=left.get(write.key, ""))
        return super().put(write, op)


@mutant(kills="test_another_topic_moves_the_entry")
class MovingLeavesAGhost(Store):
    """An entry that moves to another topic is still listed in the old one."""

    def put(self, write: Write, op: OpId) -> int:
        before = self.tables.get(write.key.table, {}).get(write.key.name)
        revision = super().put(write, op)
        if before is not None and before.topic and write.value is not None and write.topic != before.topic:
            self.topics.setdefault(Stream(write.key.table, before.topic), {})[write.key.name] = before
        return revision


@mutant(kills="test_delete_clears_the_topic")
class DeletingLeavesAGhost(Store):
    """An entry that was deleted is still listed in its topic."""

    def put(self, write: Write, op: OpId) -> int:
        before = self.tables.get(write.key.table, {}).get(write.key.name)
        revision = super().put(write, op)
        if before is not None and before.topic and write.value is None:
            self.topics.setdefault(Stream(write.key.table, before.topic), {})[write.key.name] = before
        return revision


@mutant(kills="test_update_keeps_the_topic")
class UpdateForgetsTheTopic(Database):
    """An update without a topic takes the entry out of its topic."""

    def update(self, table: str, key: str, value: Any, **named: Any) -> int:
        return super().update(table, key, value, **{**named, "topic": named.get("topic") or ""})


@mutant(kills="test_entry_tells_key_value_topic_and_revision")
class ReadForgetsTheTopic(MemoryDb):
    """What is read has no topic; what is listed has."""

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        return [record and record._replace(topic="") for record in super().read(keys)]


@mutant(kills="test_values_are_the_callers_own")
class ValuesAreShared(Database):
    """Who reads an entry twice gets the same object twice."""

    def entry(self, table: str, key: str) -> Entry:
        entry = super().entry(table, key)
        return self.__dict__.setdefault("read", {}).setdefault((table, key, entry.revision), entry)  # type: ignore[no-any-return]
