"""What a database does, in a dictionary, beside a real one: any sequence of operations gives the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from contract_tests.counts import Counts
from contract_tests.floor import TooLittle
from dfbackends import Conflict, Database, KeyExists, KeyNotFound

# Few names, so that operations meet; with prefixes, wildcards and folding of cases among them.
TABLES = st.sampled_from(["t", "t2", "T"])
KEYS = st.sampled_from(["k", "k1", "k10", "k1/x", "K1", "k*", "k%", " k"])
TOPICS = st.sampled_from(["", "red", "reddish", "r*"])
VERBS = st.sampled_from(["put", "update", "delete"])
VALUES = st.none() | st.integers(0, 9) | st.sampled_from(["", "null", [1], {"a": {"b": []}}])

FLOORS = {
    "overwritten": 20,
    "deleted beside a prefix": 10,
    "key in two tables": 50,
    "moved to another topic": 20,
    "swapped": 10,
    "refused to swap": 10,
    "created again": 5,
    "existed": 10,
    "not found": 10,
    "dropped entries": 5,
    "batch undone": 3,
    "batch done": 5,
}
"""How often each of these must have happened, in the full profile, for a run to mean anything."""


class Kept(NamedTuple):
    """An entry of the model."""

    value: Any
    topic: str
    revision: int


class DatabaseMachine(RuleBasedStateMachine):
    """Does the same to a database and to a dictionary."""

    db: Database
    seen: Counter[str]
    number = 0

    @initialize()
    def begin(self) -> None:
        """Use tables that no other sequence has used."""
        type(self).number += 1
        self.prefix = f"{self.number}."
        self.model: dict[tuple[str, str], Kept] = {}
        self.last: dict[tuple[str, str], int] = {}
        for table, keys in (("t", ["k", "k1", "k10", "k*"]), ("t2", ["k", "k1"])):
            self.put_many(table, dict.fromkeys(keys, 0), "red")

    def _written(self, at: tuple[str, str], value: Any, topic: str, revision: int) -> None:
        before = self.model.get(at)
        if before is not None:
            self.seen["overwritten"] += before.value != value
            self.seen["moved to another topic"] += before.topic != topic
        elif at in self.last:
            self.seen["created again"] += 1
        self.seen["key in two tables"] += any(key == at[1] and table != at[0] for table, key in self.model)
        assert revision > self.last.get(at, 0)
        self.last[at] = revision
        self.model[at] = Kept(value, topic, revision)

    def _removed(self, at: tuple[str, str]) -> None:
        table, key = at
        self.seen["deleted beside a prefix"] += any(
            other.startswith(key) and other != key for place, other in self.model if place == table
        )
        del self.model[at]

    def _refused(self, kind: type[Exception], call: Callable[[], object], seen: str) -> None:
        self.seen[seen] += 1
        with pytest.raises(kind):
            call()

    @rule(table=TABLES, key=KEYS, value=VALUES, topic=TOPICS)
    def create(self, table: str, key: str, value: Any, topic: str) -> None:
        """Create."""
        name = self.prefix + table
        if (table, key) in self.model:
            self._refused(KeyExists, lambda: self.db.create(name, key, value, topic=topic), "existed")
        else:
            self._written((table, key), value, topic, self.db.create(name, key, value, topic=topic))

    @rule(table=TABLES, key=KEYS, value=VALUES, topic=TOPICS)
    def put(self, table: str, key: str, value: Any, topic: str) -> None:
        """Put."""
        self._written((table, key), value, topic, self.db.put(self.prefix + table, key, value, topic=topic))

    @rule(table=TABLES, key=KEYS, value=VALUES, topic=TOPICS | st.none())
    def update(self, table: str, key: str, value: Any, topic: str | None) -> None:
        """Update, with or without a topic."""
        name, before = self.prefix + table, self.model.get((table, key))
        if before is None:
            self._refused(KeyNotFound, lambda: self.db.update(name, key, value, topic=topic), "not found")
            return
        revision = self.db.update(name, key, value, topic=topic)
        self._written((table, key), value, before.topic if topic is None else topic, revision)

    @rule(table=TABLES, key=KEYS)
    def delete(self, table: str, key: str) -> None:
        """Delete a key that may be there."""
        if (table, key) in self.model:
            self.db.delete(self.prefix + table, key)
            self._removed((table, key))
        else:
            self._refused(KeyNotFound, lambda: self.db.delete(self.prefix + table, key), "not found")

    @rule(which=st.integers(0, 30), value=VALUES, topic=TOPICS)
    def create_one(self, which: int, value: Any, topic: str) -> None:
        """Create a key that is there, alone and in a batch."""
        if self.model:
            table, key = self._one(which)
            self.create(table, key, value, topic)
            self.batch("t", table, "k", key, value, topic)

    @rule(which=st.integers(0, 30))
    def delete_one(self, which: int) -> None:
        """Delete a key that is there."""
        if self.model:
            self.delete(*self._one(which))

    @rule(which=st.integers(0, 30), value=VALUES, topic=TOPICS, stale=st.booleans(), verb=VERBS)
    def swap_one(self, which: int, value: Any, topic: str, stale: bool, verb: str) -> None:
        """Write a key that is there, with the right revision or with one that was right."""
        if self.model:
            self.swap(*self._one(which), value, topic, stale, verb)

    def _one(self, which: int) -> tuple[str, str]:
        return sorted(self.model)[which % len(self.model)]

    @rule(table=TABLES, key=KEYS, value=VALUES, topic=TOPICS, stale=st.booleans(), verb=VERBS)
    def swap(self, table: str, key: str, value: Any, topic: str, stale: bool, verb: str) -> None:
        """Write with the right revision, or with one that is or was wrong."""
        name, before = self.prefix + table, self.model.get((table, key))
        revision = self.last.get((table, key), 7) - 1 if before is None or stale else before.revision
        call: Callable[[], Any] = {
            "put": lambda: self.db.put(name, key, value, topic=topic, revision=revision),
            "update": lambda: self.db.update(name, key, value, topic=topic, revision=revision),
            "delete": lambda: self.db.delete(name, key, revision=revision),
        }[verb]
        if before is None or stale:
            self._refused(Conflict, call, "refused to swap")
            return
        self.seen["swapped"] += 1
        found = call()
        if verb == "delete":
            self._removed((table, key))
        else:
            self._written((table, key), value, topic, found)

    @rule(table=TABLES, items=st.dictionaries(KEYS, VALUES, max_size=4), topic=TOPICS)
    def put_many(self, table: str, items: dict[str, Any], topic: str) -> None:
        """Put several."""
        revisions = self.db.put_many(self.prefix + table, items, topic=topic)
        assert set(revisions) == set(items)
        for key, value in items.items():
            self._written((table, key), value, topic, revisions[key])

    @rule(first=TABLES, second=TABLES, key=KEYS, other=KEYS, value=VALUES, topic=TOPICS)
    def batch(self, first: str, second: str, key: str, other: str, value: Any, topic: str) -> None:
        """Put one and create another in a batch, which is undone when the other is there."""
        fails = (second, other) in self.model or (first, key) == (second, other)
        batch = self.db.batch()
        try:
            with batch:
                batch.put(self.prefix + first, key, value, topic=topic)
                batch.create(self.prefix + second, other, value)
        except KeyExists:
            assert fails
            self.seen["batch undone"] += 1
        else:
            assert not fails
            self.seen["batch done"] += 1
            self._written((first, key), value, topic, batch.revisions[self.prefix + first, key])
            self._written((second, other), value, "", batch.revisions[self.prefix + second, other])

    @rule(table=TABLES)
    def drop(self, table: str) -> None:
        """Drop a table."""
        self.db.drop(self.prefix + table)
        entries = [at for at in self.model if at[0] == table]
        self.seen["dropped entries"] += bool(entries)
        for at in entries:
            del self.model[at]

    @rule(table=TABLES, keys=st.lists(KEYS, max_size=4))
    def get_many(self, table: str, keys: list[str]) -> None:
        """Read several, some of them twice or missing."""
        found = self.db.get_many(self.prefix + table, keys)
        expected = [self.model.get((table, key)) for key in keys]
        assert [entry and Kept(entry.value, entry.topic, entry.revision) for entry in found] == expected

    @rule(table=TABLES, topic=TOPICS)
    def list(self, table: str, topic: str) -> None:
        """List a topic."""
        if topic:
            expected = sorted(key for (place, key), kept in self.model.items() if (place, kept.topic) == (table, topic))
            assert sorted(self.db.keys(self.prefix + table, topic=topic)) == expected

    @invariant()
    def equals_the_model(self) -> None:
        """All tables hold what the model holds."""
        for table in ("t", "t2", "T"):
            found = {entry.key: Kept(*entry[1:]) for entry in self.db.entries(self.prefix + table)}
            assert found == {key: kept for (place, key), kept in self.model.items() if place == table}


def check(db: Database, counts: Counts, beginning: int, *, floors: bool) -> Counter[str]:
    """Run the machine; return what has happened, and how often.

    :raises AssertionError: the database differs from the model
    :raises TooLittle: too little has happened
    """
    seen: Counter[str] = Counter()
    machine = seed(beginning)(type("Machine", (DatabaseMachine,), {"db": db, "seen": seen, "number": 0}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=counts.examples,
            stateful_step_count=counts.steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    if floors:
        low = {what: seen[what] for what, least in FLOORS.items() if seen[what] < least}
        if low:
            raise TooLittle(f"too little has happened: {low}")
    return seen
