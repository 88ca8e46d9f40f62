"""Revisions, and who compares them."""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence

from contract_tests.mutants.registry import mutant
from contract_tests.mutants.renumbered import RenumberedStore
from dfbackends.api import Expect, Key, OpId, Record, Table, Write
from dfbackends.drivers.memory import MemoryDb, Store
from dfbackends.identity import Allocator

_MOMENT = 0.0005


@mutant(kills="test_the_right_revision_succeeds")
class RevisionIsNotRaised(RenumberedStore):
    """A write of the value that is there keeps the revision."""

    def number(self, write: Write, before: Record | None, revision: int) -> int:
        return before.revision if before is not None and before.value == write.value else revision


@mutant(kills="test_revisions_grow_over_deletion")
class RevisionsAreDigests(RenumberedStore):
    """The revision is a digest of the value."""

    def number(self, write: Write, before: Record | None, revision: int) -> int:
        return zlib.crc32(write.value or b"") + 1


@mutant(kills="test_a_revision_from_before_a_deletion")
class RevisionsBeginAnew(RenumberedStore):
    """The revisions of a key count its writes, and begin at 1 when it was deleted."""

    def number(self, write: Write, before: Record | None, revision: int) -> int:
        return before.revision + 1 if before is not None else 1


@mutant(kills="test_a_dropped_table_begins_anew")
class RevisionsBeginAnewInATable(RenumberedStore):
    """The revisions of a table begin at 1 when it has become empty."""

    def number(self, write: Write, before: Record | None, revision: int) -> int:
        count: dict[Table, int] = self.__dict__.setdefault("count", {})
        table = write.key.table
        if before is None and len(self.tables[table]) == 1:
            count.pop(table, None)
        count[table] = count.get(table, 0) + 1
        return count[table]


@mutant(kills="test_a_stale_revision_changes_nothing")
class RevisionsAreComparedByOrder(Store):
    """A revision that is older than that of the entry is good."""

    def meets(self, key: Key, expect: Expect | int) -> bool:
        record = self.tables.get(key.table, {}).get(key.name)
        if isinstance(expect, int) and record is not None:
            return expect <= record.revision
        return super().meets(key, expect)


@mutant(kills="test_a_revision_of_a_missing_key")
class MissingKeysHaveAnyRevision(Store):
    """A write that expects a revision of a missing key is done."""

    def meets(self, key: Key, expect: Expect | int) -> bool:
        missing = key.name not in self.tables.get(key.table, {})
        return (isinstance(expect, int) and missing) or super().meets(key, expect)


@mutant(kills="test_a_revision_is_good_for_another_client")
class EachHandleComparesItsOwn(MemoryDb):
    """A handle compares an expected revision with the one that it has written itself, where it has."""

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        mine: dict[Key, int | None] = self.__dict__.setdefault("mine", {})
        loose = [
            write._replace(expect=Expect.PRESENT)
            if isinstance(write.expect, int) and mine.get(write.key) == write.expect
            else write
            for write in writes
        ]
        revisions = super().write(loose, op)
        mine.update({write.key: revision for write, revision in zip(writes, revisions, strict=True)})
        return revisions


@mutant(kills="test_increments_by_threads")
class SwapRaces(MemoryDb):
    """A compare-and-swap compares first, and swaps a moment later."""

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        if len(writes) != 1 or not isinstance(writes[0].expect, int):
            return super().write(writes, op)
        [write] = writes
        with self._store.lock:
            holds = self._store.meets(write.key, write.expect) or self._store.done.get(op) is not None
        if not holds:
            return [None]
        time.sleep(_MOMENT)
        return super().write([write._replace(expect=Expect.PRESENT)], op)


@mutant(kills="test_of_concurrent_creates_one_succeeds")
class CreateRaces(MemoryDb):
    """A create looks first whether the key is there, and adds it a moment later."""

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        if len(writes) != 1 or writes[0].expect is not Expect.ABSENT:
            return super().write(writes, op)
        [write] = writes
        with self._store.lock:
            holds = self._store.meets(write.key, write.expect) or self._store.done.get(op) is not None
        if not holds:
            return [None]
        time.sleep(_MOMENT)
        return super().write([write._replace(expect=Expect.ANY)], op)


@mutant(kills="test_ids_by_threads")
class IdsAreCountedBlindly(Allocator):
    """An id is the last one that this handle has seen, and one more, whatever others have taken meanwhile."""

    def allocate(self, table: str, after: int = 0) -> int:
        last, _ = self._last[table] if table in self._last else self._stored(table)
        [outcome] = self._store.write([Write(Key(self._table, table), str(last + 1).encode())])
        assert isinstance(outcome, int)
        self._last[table] = last + 1, outcome
        return last + 1


@mutant(kills="test_ids_count_from_one_for_each_table")
class TablesShareTheirIds(Allocator):
    """All tables count the same ids."""

    def allocate(self, table: str, after: int = 0) -> int:
        return super().allocate("all", after)


@mutant(kills="test_histories_are_linearizable")
class ReadsAreStale(MemoryDb):
    """What a handle has read is taken for true for 20 ms, whatever others write meanwhile."""

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        cache: dict[Key, tuple[float, Record | None]] = self.__dict__.setdefault("cache", {})
        now = time.monotonic()
        missing = [key for key in keys if cache.get(key, (0.0,))[0] < now or "/" not in key.table.name]
        cache.update({key: (now + 0.02, record) for key, record in zip(missing, super().read(missing), strict=True)})
        return [cache[key][1] for key in keys]


@mutant(kills="test_any_sequence_equals_the_model")
class TheTenthWriteIsLost(Store):
    """Each tenth write to a table is acknowledged, and not done."""

    def put(self, write: Write, op: OpId) -> int:
        count: dict[Table, int] = self.__dict__.setdefault("count", {})
        table, name = write.key
        count[table] = count.get(table, 0) + 1
        record = self.tables.get(table, {}).get(name)
        if count[table] % 10 == 0 and record is not None and write.value is not None and "/" in table.name:
            write = write._replace(value=record.value, topic=record.topic)
        return super().put(write, op)
