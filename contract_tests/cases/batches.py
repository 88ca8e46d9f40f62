"""Several writes: in batches that are undone, and independent ones."""

from __future__ import annotations

from typing import Any

import pytest

from contract_tests.cases.base import Cases
from contract_tests.cases.keys import contents
from contract_tests.counts import Counts
from contract_tests.harness import Store
from contract_tests.marks import clause
from dfbackends import Closed, InvalidName, InvalidValue, KeyExists, KeyNotFound, PartlyDone, TooLarge


class BatchCases(Cases):
    """Batches without faults."""

    @clause("BATCH-01")
    def test_empty_batches_do_nothing(self, store: Store) -> None:
        """Empty batches do nothing."""
        with store.db.batch() as batch:
            pass

        assert batch.revisions == {}
        assert store.db.put_many("t", {}) == {}
        assert store.db.put_many("t", []) == {}
        assert store.db.get_many("t", []) == []
        assert list(store.db.entries("t")) == []

    @clause("BATCH-01")
    def test_results_are_in_the_order_of_the_request(self, store: Store) -> None:
        """Results are in the order of the request; missing items keep their place, and one asked for twice comes twice."""
        keys = [f"k{number}" for number in range(100)]
        revisions = store.db.put_many("t", {key: number for number, key in enumerate(keys) if number % 3})

        asked = ["k7", *reversed(keys), "k7", "never"]
        found = store.db.get_many("t", asked)

        assert [entry and (entry.key, entry.value, entry.revision) for entry in found] == [
            (key, int(key[1:]), revisions[key]) if key in revisions else None for key in asked
        ]
        assert list(revisions) == [key for number, key in enumerate(keys) if number % 3]

    @clause("BATCH-01")
    def test_items_may_have_topics_of_their_own(self, store: Store) -> None:
        """put_many takes items with and without a topic; of a key that comes twice the last one holds."""
        store.db.put_many("t", [("a", 1), ("b", 2, "blue"), ("c", 3), ("a", 4, "green")], topic="red")

        found = {entry.key: (entry.value, entry.topic) for entry in store.db.entries("t")}
        assert found == {"a": (4, "green"), "b": (2, "blue"), "c": (3, "red")}

    @clause("BATCH-02", timeout=180)
    def test_sizes(self, store: Store, counts: Counts) -> None:
        """put_many, get_many and batch are complete at all sizes."""
        for size in counts.batches:
            table = f"t{size}"
            values: dict[str, Any] = {f"k{number}": number for number in range(size)}
            revisions = store.db.put_many(table, values, topic="red")
            assert revisions.keys() == values.keys()
            assert [entry and entry.value for entry in store.db.get_many(table, list(values))] == list(values.values())

            with store.db.batch() as batch:
                for key in values:
                    batch.update(table, key, "new")
                batch.create(table, "last", "new")
            assert contents(store.db, table) == dict.fromkeys([*values, "last"], "new")
            assert len(contents(store.db, table, "red")) == size
            assert all(batch.revisions[table, key] > revisions[key] for key in values)

    @clause("BATCH-02")
    def test_all_verbs_in_order(self, store: Store) -> None:
        """A batch does its writes in order, also several of one key, over several tables."""
        store.db.put("t", "there", 1, topic="red")
        store.db.put("u", "gone", 1)

        with store.db.batch() as batch:
            batch.create("t", "new", 1)
            batch.put("t", "new", 2, topic="blue")
            batch.update("t", "new", 3)
            batch.update("t", "there", 2)
            batch.delete("u", "gone")
            batch.create("u", "gone", "again")
            batch.put("u", "short", 1)
            batch.delete("u", "short")

        assert contents(store.db, "t") == {"new": 3, "there": 2}
        assert contents(store.db, "u") == {"gone": "again"}
        assert contents(store.db, "t", "red") == {"there": 2}
        assert contents(store.db, "t", "blue") == {"new": 3}
        assert batch.revisions["t", "new"] == store.db.entry("t", "new").revision

    @clause("BATCH-03")
    def test_a_failed_item_is_named(self, store: Store) -> None:
        """put_many: a failed item is named, and only that one; the others are done."""
        store.db.create_table("t", {"type": "integer"})
        items: list[Any] = [("a", 1), ("wrong", "text"), ("b", 2), ("long" * 1000, 3), ("surrogate", "\ud800"), ("c", 3)]

        with pytest.raises(PartlyDone) as caught:
            store.db.put_many("t", items)

        assert {key: type(error) for key, error in caught.value.failed.items()} == {
            "wrong": InvalidValue,
            "long" * 1000: InvalidName,
            "surrogate": InvalidValue,
        }
        assert set(caught.value.done) == {"a", "b", "c"}
        assert contents(store.db, "t") == {"a": 1, "b": 2, "c": 3}
        for key, revision in caught.value.done.items():
            assert store.db.entry("t", key).revision == revision

    @clause("BATCH-04")
    def test_a_batch_that_does_not_fit_sends_nothing(self, store: Store) -> None:
        """A create, update or delete of a batch that does not fit leaves everything as it was, and raises its own error."""
        store.db.put("t", "there", 1, topic="red")
        before = store.db.entry("t", "there")
        steps: list[tuple[type[Exception], str, tuple[Any, ...]]] = [
            (KeyExists, "create", ("t", "there", 2)),
            (KeyExists, "create", ("t", "new", 2)),
            (KeyNotFound, "update", ("t", "never", 2)),
            (KeyNotFound, "delete", ("t", "never")),
        ]
        for error, verb, arguments in steps:
            with pytest.raises(error), store.db.batch() as batch:
                batch.create("t", "new", 1)
                batch.put("t", "there", 2)
                getattr(batch, verb)(*arguments)
                batch.put("t", "other", 3)
            assert list(store.db.entries("t")) == [before]

    @clause("BATCH-04")
    def test_an_exception_in_the_block_sends_nothing(self, store: Store) -> None:
        """An exception in the block, or a value that is not legal, sends nothing, and a batch that has ended takes nothing."""
        with pytest.raises(ZeroDivisionError), store.db.batch() as batch:
            batch.create("t", "k", 1)
            raise ZeroDivisionError
        for error, value in ((InvalidValue, {1}), (TooLarge, "x" * store.db.limits.value)):
            with pytest.raises(error), store.db.batch() as batch:
                batch.create("t", "k", 1)
                batch.create("t", "wrong", value)
        with pytest.raises(Closed):
            batch.put("t", "k", 1)

        assert contents(store.db, "t") == {}
