"""Names that meet."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from fnmatch import fnmatchcase

from contract_tests.mutants.registry import mutant
from contract_tests.mutants.spelled import SpelledDb
from dfbackends.api import Record, Table
from dfbackends.drivers.memory import MemoryDb


@mutant(kills="test_every_text_is_a_key_of_its_own")
class KeysAreFolded(SpelledDb):
    """Keys that differ in the case of their letters are one."""

    def spelled(self, name: str) -> str:
        return name.lower()


@mutant(kills="test_every_text_is_a_key_of_its_own")
class KeysAreStripped(SpelledDb):
    """Keys lose the space around them."""

    def spelled(self, name: str) -> str:
        return name.strip() or name


@mutant(kills="test_every_text_is_a_key_of_its_own")
class KeysAreComposed(SpelledDb):
    """Keys in two writings of the same letters are one."""

    def spelled(self, name: str) -> str:
        return unicodedata.normalize("NFC", name)


@mutant(kills="test_every_text_is_a_key_of_its_own")
class KeysEndAtANul(SpelledDb):
    """Keys end at their first NUL."""

    def spelled(self, name: str) -> str:
        return name.partition("\0")[0] or name


@mutant(kills="test_long_keys")
class KeysAreCut(SpelledDb):
    """Keys are cut at 255 characters."""

    def spelled(self, name: str) -> str:
        return name[:255]


@mutant(kills="test_namespaces_do_not_meet")
class NamespacesAreGlued(SpelledDb):
    """There is nothing between the namespace and the name of a table."""

    def placed(self, table: Table) -> Table:
        return Table(table.name.replace("/", "", 1), table.partition.replace("/", "", 1), table.buckets)


@mutant(kills="test_names_do_not_run_into_each_other")
class SeparatorsCollide(MemoryDb):
    """A table lists the entries of those that are called as it is, with a colon and something behind it, as its own."""

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        yield from super().scan(table, topic)
        with self._store.lock:
            others = [other for other in self._store.tables if other.name.startswith(f"{table.name}:")]
        for other in others:
            for name, record in super().scan(other, topic):
                yield f"{other.name.removeprefix(table.name)[1:]}:{name}", record


@mutant(kills="test_drop_removes_all_entries_and_no_others")
class DropTakesThePrefix(MemoryDb):
    """Dropping a table drops those along whose names begin with its own."""

    def drop(self, table: Table) -> None:
        with self._store.lock:
            others = [other for other in self._store.tables if other.name.startswith(table.name)]
        for other in [*others, table]:
            super().drop(other)


@mutant(kills="test_wildcards_drop_nothing_else")
class DropTakesWhatMatches(MemoryDb):
    """Dropping takes the name of the table for a pattern."""

    def drop(self, table: Table) -> None:
        with self._store.lock:
            others = [other for other in self._store.tables if fnmatchcase(other.name, table.name)]
        for other in [*others, table]:
            super().drop(other)


@mutant(kills="test_drop_removes_all_entries_and_no_others")
class DropLeavesTheRest(MemoryDb):
    """Dropping removes the first 100 entries."""

    def drop(self, table: Table) -> None:
        with self._store.lock:
            entries = self._store.tables.get(table, {})
            rest = {name: entries[name] for name in list(entries)[100:]}
        super().drop(table)
        with self._store.lock:
            self._store.tables.setdefault(table, {}).update(rest)


class NoSuchTable(Exception):
    """A table is missing."""


@mutant(kills="test_a_missing_table_is_empty")
class MissingTablesAreErrors(MemoryDb):
    """Listing a table to which nothing was ever written is an error."""

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        if table not in self._store.tables and "/" in table.name:
            raise NoSuchTable
        return super().scan(table, topic)


@mutant(kills="test_ids_survive_the_table")
class DropTakesTheIds(MemoryDb):
    """Dropping a table lets its ids begin anew."""

    def drop(self, table: Table) -> None:
        super().drop(table)
        space, _, name = table.name.partition("/")
        with self._store.lock:
            self._store.tables.get(Table(f"{space}!ids", f"{space}!ids"), {}).pop(name, None)
