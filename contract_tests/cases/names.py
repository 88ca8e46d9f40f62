"""Names of tables and keys."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from contract_tests.cases.base import Cases, each_raises
from contract_tests.cases.keys import SPECIAL, contents
from contract_tests.harness import Store
from contract_tests.marks import clause
from dfbackends import InvalidName


class NameCases(Cases):
    """Which names are legal, and that no two of them meet."""

    @clause("KV-08")
    def test_the_same_key_in_two_tables(self, store: Store) -> None:
        """The same key in two tables is two entries."""
        store.db.create("t", "k", 1, topic="red")
        store.db.create("u", "k", 2, topic="red")
        store.db.delete("t", "k")

        assert contents(store.db, "t") == {}
        assert contents(store.db, "u") == {"k": 2}

    @clause("KV-08")
    def test_names_do_not_run_into_each_other(self, store: Store) -> None:
        """(a, b:c) is not (a:b, c), for every separator, brace, glob and control character."""
        names = [(f"a{mark}", f"b{mark}c") for mark in SPECIAL] + [(f"a{mark}b{mark}", "c") for mark in SPECIAL]
        names += [("a", f"{mark}b{mark}c") for mark in SPECIAL] + [("a{b}", "c"), ("{a}b", "c"), ("a", "{b}c")]
        written = {}
        for number, (table, key) in enumerate(names):
            store.db.create(table, key, number, topic=f"{key}{table}")
            written[table, key] = number

        for table in {table for table, _ in names}:
            expected = {key: number for (other, key), number in written.items() if other == table}
            assert contents(store.db, table) == expected
        for (table, key), number in written.items():
            assert [entry.value for entry in store.db.entries(table, topic=f"{key}{table}")] == [number]

    @clause("KV-08")
    def test_namespaces_do_not_meet(self, store: Store) -> None:
        """Two namespaces of one store are two worlds."""
        other = Store(self.harness)
        other.namespace = f"{store.namespace}2"
        with other:
            for table in ("t", "2t", "2/t"):
                store.db.create(table, "k", 1)
                assert other.db.tables() == []
            other.db.create("t", "k", 2)
            for table in ("t", "2t", "2/t"):
                assert contents(store.db, table) == {"k": 1}
                store.db.drop(table)

            assert contents(other.db, "t") == {"k": 2}
            assert store.db.tables() == []
            assert other.db.tables() == ["t"]

    @clause("KV-10")
    def test_every_text_is_a_key_of_its_own(self, store: Store) -> None:
        """Keys are case-sensitive, NFC differs from NFD, leading and trailing space is kept, in any writing."""
        composed = unicodedata.normalize("NFC", "é")
        keys = [
            "k",
            "K",
            composed,
            unicodedata.normalize("NFD", composed),
            " k",
            "k ",
            "  ",
            "ß",
            "ss",
            "\u0130",
            "i",
            "\u0131",
        ]
        keys += ["👩‍👩‍👧", "\u202etext", "\ufeffk", "k\u200b", *(f"{mark}k{mark}" for mark in SPECIAL), *SPECIAL]
        keys += [f"k{mark}k" for mark in SPECIAL]
        for number, key in enumerate(keys):
            store.db.create("t", key, number)

        assert contents(store.db, "t") == {key: number for number, key in enumerate(keys)}
        for number, key in enumerate(keys):
            assert store.db.get("t", key) == number

    @clause("KV-10")
    def test_long_keys(self, store: Store) -> None:
        """Keys go up to the declared length in bytes, and count to their last character."""
        limit = store.db.limits.name
        long, wide = "k" * (limit - 1), "é" * ((limit - 2) // 2)
        for key in (long + "1", long + "2", wide + "1", wide + "2"):
            store.db.create("t", key, key[-1])

        assert store.db.get("t", long + "1") == "1"
        assert store.db.get("t", wide + "2") == "2"
        for key in (long + "12", "é" * (limit // 2) + "12"):
            with pytest.raises(InvalidName):
                store.db.create("t", key, 1)
        assert len(contents(store.db, "t")) == 4

    @clause("KV-10")
    @pytest.mark.parametrize("name", ["", "a\ud800", "\udfff", 7, None, b"k", ("k",)], ids=repr)
    def test_what_is_no_name(self, store: Store, name: Any) -> None:
        """Empty or non-text keys, tables and topics and lone surrogates raise InvalidName before anything is sent."""
        db = store.db
        each_raises(
            InvalidName,
            lambda: db.create("t", name, 1),
            lambda: db.put("t", name, 1),
            lambda: db.update("t", name, 1),
            lambda: db.delete("t", name),
            lambda: db.get("t", name),
            lambda: db.get_many("t", ["k", name]),
            lambda: db.put(name, "k", 1),
            lambda: db.get(name, "k"),
            lambda: db.create_table(name),
            lambda: db.definition(name),
            lambda: db.drop(name),
            lambda: db.allocate(name),
            lambda: list(db.keys(name)),
        )
        if name != "":
            with pytest.raises(InvalidName):
                db.put("t", "k", 1, topic=name)
        assert db.tables() == []
