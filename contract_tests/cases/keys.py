"""Keys and entries."""

from __future__ import annotations

from typing import Any

import pytest

from contract_tests.cases.base import Cases, each_raises
from contract_tests.harness import Store
from contract_tests.marks import clause
from dfbackends import Database, Entry, KeyExists, KeyNotFound

SPECIAL = r""":/.,;|!?*%_[]{}()^$\+-~@#&='"`<> """ + "\x00\x01\x1f\x7f\n\r\t\u2028\ufeff\U0010ffff"
"""Separators, braces, globs, wildcards of LIKE and of regular expressions, control characters, the ends of Unicode."""


def contents(db: Database, table: str, topic: str | None = None) -> dict[str, Any]:
    """Return the values of a table, or of one topic in it, by their keys; each key came once."""
    entries = list(db.entries(table, topic=topic))
    values = {entry.key: entry.value for entry in entries}
    assert len(values) == len(entries)
    return values


class KeyCases(Cases):
    """What becomes of entries."""

    @clause("KV-01")
    def test_get_returns_what_was_written(self, store: Store) -> None:
        """get after create, put or update returns an equal value."""
        store.db.create("t", "k", {"n": 1})
        assert store.db.get("t", "k") == {"n": 1}

        store.db.put("t", "k", {"n": 2})
        assert store.db.get("t", "k") == {"n": 2}

        store.db.update("t", "k", {"n": 3})
        assert store.db.get("t", "k") == {"n": 3}

    @clause("KV-01")
    def test_values_are_the_callers_own(self, store: Store) -> None:
        """The value returned is the caller's own; the value passed in may be changed afterwards."""
        value: dict[str, Any] = {"list": [1], "nested": {"a": 1}}
        store.db.put("t", "k", value)
        value["list"].append(2)
        value["nested"]["a"] = 2

        first = store.db.get("t", "k")
        first["list"].append(3)
        first["nested"]["a"] = 3
        [listed] = store.db.entries("t")
        listed.value["list"].append(4)

        assert store.db.get("t", "k") == {"list": [1], "nested": {"a": 1}}

    @clause("KV-01")
    def test_entry_tells_key_value_topic_and_revision(self, store: Store) -> None:
        """entry returns the key, the value, the topic and the revision that the write returned."""
        revision = store.db.create("t", "k", [1], topic="red")

        assert store.db.entry("t", "k") == Entry("k", [1], "red", revision)
        assert store.db.get_many("t", ["k"]) == [Entry("k", [1], "red", revision)]
        assert list(store.db.entries("t")) == [Entry("k", [1], "red", revision)]

    @clause("KV-02")
    def test_missing_keys_are_not_found(self, store: Store) -> None:
        """get, entry, update, delete of a missing key raise KeyNotFound with table and key."""
        store.db.put("t", "other", 1)
        errors = each_raises(
            KeyNotFound,
            lambda: store.db.get("t", "k"),
            lambda: store.db.entry("t", "k"),
            lambda: store.db.update("t", "k", 1),
            lambda: store.db.update("t", "k", 1, topic="red"),
            lambda: store.db.delete("t", "k"),
            lambda: store.db.get("nowhere", "k"),
        )
        assert [(error.table, error.key) for error in errors] == [("t", "k")] * 5 + [("nowhere", "k")]
        assert contents(store.db, "t") == {"other": 1}

    @clause("KV-03")
    def test_create_of_an_existing_key(self, store: Store) -> None:
        """create of an existing key raises KeyExists and leaves value, topic and revision alone."""
        store.db.create("t", "k", "first", topic="red")
        before = store.db.entry("t", "k")

        with pytest.raises(KeyExists) as caught:
            store.db.create("t", "k", "second", topic="blue")

        assert (caught.value.table, caught.value.key) == ("t", "k")
        assert store.db.entry("t", "k") == before
        assert list(store.db.keys("t", topic="blue")) == []

    @clause("KV-04")
    def test_put_adds_or_replaces(self, store: Store) -> None:
        """put adds or replaces; other keys and tables are untouched."""
        store.db.put("t", "a", 1, topic="red")
        store.db.put("u", "a", 2)
        others = [store.db.entry("t", "a"), store.db.entry("u", "a")]

        store.db.put("t", "b", 3)
        store.db.put("t", "b", 4)

        assert contents(store.db, "t") == {"a": 1, "b": 4}
        assert [store.db.entry("t", "a"), store.db.entry("u", "a")] == others

    @clause("KV-05")
    def test_delete_removes_exactly_one_key(self, store: Store) -> None:
        """delete removes exactly one key: k1 leaves k10, k1/x, K1."""
        others = ["k10", "k1/x", "K1", "k", "k1 ", " k1", "k1\x00", "k1:", "k*", "k%", "k_", "k?", "[k]1"]
        store.db.put_many("t", dict.fromkeys(["k1", *others], 1))

        store.db.delete("t", "k1")

        assert contents(store.db, "t") == dict.fromkeys(others, 1)

    @clause("KV-05")
    def test_wildcards_delete_nothing_else(self, store: Store) -> None:
        """delete of a key with wildcards removes that key only."""
        store.db.put_many("t", dict.fromkeys(["k1", "k2", "k*", "k?", "k[12]", "k%", ".*"], 1))

        for key in ("k*", "k?", "k[12]", "k%", ".*"):
            store.db.delete("t", key)

        assert contents(store.db, "t") == {"k1": 1, "k2": 1}

    @clause("KV-06")
    def test_a_new_entry_has_nothing_of_the_old_one(self, store: Store) -> None:
        """delete and create again is a new entry: no old topic or revision."""
        store.db.create("t", "k", 1, topic="red")
        store.db.delete("t", "k")
        store.db.create("t", "k", 2)

        assert store.db.entry("t", "k").topic == ""
        assert list(store.db.keys("t", topic="red")) == []

    @clause("KV-06")
    def test_revisions_grow_over_deletion(self, store: Store) -> None:
        """Revisions of a key only grow, also over delete and re-create."""
        revisions = []
        for value in range(5):
            revisions.append(store.db.create("t", "k", value))
            revisions.append(store.db.put("t", "k", value))
            revisions.append(store.db.update("t", "k", value))
            store.db.delete("t", "k")

        assert revisions == sorted(set(revisions))
