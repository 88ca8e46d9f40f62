"""Whole tables."""

from __future__ import annotations

import pytest

from contract_tests.cases.base import Cases
from contract_tests.cases.keys import contents
from contract_tests.counts import Counts
from contract_tests.harness import Store
from contract_tests.marks import clause
from dfbackends import Conflict, InvalidValue, KeyNotFound


class TableCases(Cases):
    """What becomes of tables."""

    @clause("KV-09")
    def test_drop_removes_all_entries_and_no_others(self, store: Store, counts: Counts) -> None:
        """drop removes all entries of a table and no others: t, not t2."""
        others = ["t2", "t/", "T", "t:k", " t", "t*", "u"]
        store.db.put_many("t", [(f"k{number}", number, "red") for number in range(counts.messages * 2)])
        for table in others:
            store.db.create(table, "k1", table, topic="red")

        store.db.drop("t")

        assert list(store.db.entries("t")) == []
        assert list(store.db.entries("t", topic="red")) == []
        with pytest.raises(KeyNotFound):
            store.db.get("t", "k1")
        for table in others:
            assert contents(store.db, table) == {"k1": table}
        assert store.db.tables() == sorted(others)

    @clause("KV-09")
    def test_wildcards_drop_nothing_else(self, store: Store) -> None:
        """drop of a table with wildcards in its name removes that table only."""
        for table in ("t", "t2", "t*", "t?", "t%", "*", "%"):
            store.db.create(table, "k", table)

        for table in ("t*", "t?", "t%", "*", "%"):
            store.db.drop(table)

        assert store.db.tables() == ["t", "t2"]
        assert contents(store.db, "t") == {"k": "t"}

    @clause("KV-09")
    def test_a_missing_table_is_empty(self, store: Store) -> None:
        """A missing table is empty, and dropping it is harmless, twice too."""
        store.db.create("t", "k", 1)
        store.db.drop("t")
        for table in ("t", "never"):
            store.db.drop(table)
            assert list(store.db.entries(table)) == []
            assert list(store.db.keys(table, topic="red")) == []
            assert store.db.get_many(table, ["k"]) == [None]
        assert store.db.tables() == []

    @clause("KV-09")
    def test_a_dropped_table_begins_anew(self, store: Store) -> None:
        """A dropped table loses its schema and can be used again, and its revisions go on growing."""
        store.db.create_table("t", {"type": "integer"})
        revision = store.db.create("t", "k", 1, topic="red")
        store.db.drop("t")

        again = store.db.create("t", "k", "text")

        assert again > revision
        assert contents(store.db, "t") == {"k": "text"}
        assert list(store.db.keys("t", topic="red")) == []
        assert store.db.tables() == ["t"]

    @clause("KV-13")
    def test_a_definition_is_kept_in_the_backend(self, store: Store) -> None:
        """definition returns what was created, for any handle; a dropped table keeps its place, not its schema."""
        assert store.db.definition("t") is None
        store.db.create_table("t", {"type": "integer"}, partition="p", buckets=2)

        other = store.open().db
        assert other.definition("t") == ("t", {"type": "integer"}, "p", 2, False)
        store.db.drop("t")
        assert other.definition("t") == ("t", None, "p", 2, True)

    @clause("KV-09")
    def test_tables_are_those_created_and_written(self, store: Store) -> None:
        """tables returns what was created or written to, sorted, and nothing of the core's own."""
        store.db.create_table("b")
        store.db.put("a", "k", 1)
        store.db.allocate("c")
        store.pubsub.publish("d", 1)

        assert store.db.tables() == ["a", "b"]

    @clause("KV-09")
    def test_a_table_stays_where_it_is(self, store: Store) -> None:
        """A table of several buckets works like any other, and stays where it was created."""
        store.db.create_table("t", buckets=8)
        store.db.put_many("t", [(f"k{number}", number, f"topic{number % 3}") for number in range(100)])

        with pytest.raises(Conflict):
            store.db.create_table("t", buckets=4)
        with pytest.raises(Conflict):
            store.db.create_table("t", partition="elsewhere", buckets=8)
        with pytest.raises(InvalidValue):
            store.db.create_table("u", buckets=0)

        assert contents(store.open().db, "t") == {f"k{number}": number for number in range(100)}
        assert sorted(store.db.keys("t", topic="topic0")) == sorted(f"k{number}" for number in range(0, 100, 3))
        store.db.drop("t")
        assert contents(store.db, "t") == {}
