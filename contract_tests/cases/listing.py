"""What a table holds, as a whole and by topics."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from contract_tests.cases.base import Cases
from contract_tests.cases.keys import SPECIAL, contents
from contract_tests.counts import Counts
from contract_tests.fault import Fault
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.plan import FOREVER
from contract_tests.waiting import eventually
from dfbackends import Unavailable


class ListingCases(Cases):
    """Lists of entries and keys."""

    @clause("LIST-01")
    def test_lists_are_complete(self, store: Store, counts: Counts) -> None:
        """entries and keys are complete, without duplicates, without another table's, over more than one page."""
        values = {f"k{number}": number for number in range(max(counts.batches[:-1]) * 3)}
        store.db.put_many("t", values)
        store.db.put_many("t2", {"other": 1})
        store.db.put_many("T", {"other": 1})

        assert contents(store.db, "t") == values
        assert Counter(store.db.keys("t")) == Counter(values.keys())
        assert {entry.key: entry.revision for entry in store.db.entries("t")} == {
            entry.key: entry.revision for entry in store.db.get_many("t", list(values)) if entry
        }

    @clause("LIST-01")
    def test_internal_keys_are_hidden(self, store: Store) -> None:
        """What the core and the backend keep for themselves is in no list."""
        db = store.db
        db.create_table("t", {"type": "integer"}, partition="p")
        db.allocate("t")
        store.pubsub.publish("t", 1)
        revision = db.create("t", "k", 1, topic="red", announce=("t", 2))
        db.put("t", "k", 2, revision=revision)

        assert list(db.keys("t")) == ["k"]
        assert list(db.keys("p")) == []
        assert db.tables() == ["t"]

    @clause("LIST-02")
    def test_what_is_there_throughout_appears_once(self, store: Store) -> None:
        """During writes each key that was there throughout appears exactly once, in its topic, too."""
        db, other = store.db, store.open().db
        stable = {f"s{number:04}" for number in range(700)}
        db.put_many("t", dict.fromkeys(stable, 0), topic="red")
        stop = threading.Event()
        written = Counter[str]()

        def key(number: int) -> str:
            return f"{'ast'[number % 3]}{number % 1000:04}x"

        def write() -> None:
            for number in itertools.count():
                if stop.is_set():
                    return
                other.put("t", key(number), number, topic="red" if number % 2 else "")
                other.put("t", f"s{number % 700:04}", number, topic="red")
                if number % 5 == 0 and number >= 10:
                    other.delete("t", key(number - 10))
                written["rounds"] += 1

        def listed(topic: str | None) -> Iterator[str]:
            for count, entry in enumerate(db.entries("t", topic=topic)):
                if count % 150 == 0:
                    # Else the list may be there before anything is written.
                    goal = written["rounds"] + 10
                    eventually(lambda goal=goal: written["rounds"] > goal, "something is written")  # type: ignore[misc]
                yield entry.key

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for topic in (None, "red") * 5:
                seen = Counter(listed(topic))
                assert {key for key, times in seen.items() if times > 1} == set()
                assert stable - seen.keys() == set()
        finally:
            stop.set()
            writer.join()

    @clause("LIST-02", injects=[Fault.CUT, Fault.REFUSED])
    def test_the_connection_breaks_in_the_middle(self, store: Store) -> None:
        """When the connection breaks in the middle, each key appears exactly once all the same."""
        store.db.put_many("t", {f"k{number}": number for number in range(300)}, topic="red")
        for fault, at in itertools.product((Fault.CUT, Fault.REFUSED), (1, 2, 150, 300)):
            store.plan.arm(fault, verbs=("scan",), at=at)
            seen = Counter(store.db.keys("t", topic="red"))
            store.plan.mend()
            assert len(seen) == 300
            assert set(seen.values()) == {1}

    @clause("LIST-02", injects=[Fault.CUT])
    def test_a_list_that_can_not_be_completed(self, store: Store) -> None:
        """A list that can not be completed ends in an error, never early."""
        keys = {f"k{number}" for number in range(20)}
        store.db.put_many("t", dict.fromkeys(keys, 1))
        # The first scan comes to no entry, or to its tenth, and the others come to none; or all come that far, and no further.
        for places, times in (([1], FOREVER), ([10], FOREVER), (range(10, 100, 10), 1)):
            for at in places:
                store.plan.arm(Fault.CUT, verbs=("scan",), at=at, times=times)
            before = store.plan.hits[Fault.CUT]
            seen: list[str] = []
            try:
                seen.extend(store.db.keys("t"))
            except Unavailable:
                assert store.plan.hits[Fault.CUT] > before
            else:
                # All of it came in one piece, and nothing was left to be cut.
                assert set(seen) == keys
                assert store.plan.hits[Fault.CUT] == before
            store.plan.mend()
            assert len(set(seen)) == len(seen)

    @clause("LIST-03")
    def test_wildcards_are_plain_characters(self, store: Store) -> None:
        """Glob, LIKE and regular-expression characters in tables, keys and topics are plain characters."""
        db = store.db
        names = [*SPECIAL, "a*", "a?", "a[bc]", "a%", "a_", "a.*", "(a|b)", "ab", "ac", "a", "^a", "a$", "{a}", "\\a"]
        for name in names:
            db.create(name, "k", name)
            db.create("keys", name, name, topic=name)

        for name in names:
            assert contents(db, name) == {"k": name}
            assert contents(db, "keys", name) == {name: name}
        assert db.tables() == sorted([*names, "keys"])
        assert contents(db, "keys") == {name: name for name in names}


class TopicCases(Cases):
    """Topics of entries."""

    @clause("TOPIC-01")
    def test_a_topic_lists_exactly_its_entries(self, store: Store) -> None:
        """entries(table, topic) are exactly those of the topic; get needs no topic."""
        db = store.db
        items = [(f"k{number}", number, f"topic{number % 7}") for number in range(300)]
        db.put_many("t", [*items, ("none", -1, "")])
        db.put("u", "k0", "other", topic="topic0")

        for topic in range(7):
            expected = {key: value for key, value, of in items if of == f"topic{topic}"}
            assert contents(db, "t", f"topic{topic}") == expected
            assert sorted(db.keys("t", topic=f"topic{topic}")) == sorted(expected)
        assert contents(db, "t", "topic") == {}
        assert contents(db, "t", "topic1*") == {}
        assert db.get("t", "k5") == 5
        assert db.entry("t", "k5").topic == "topic5"
        assert len(contents(db, "t")) == 301

    @clause("TOPIC-01")
    def test_topics_go_up_to_their_limit(self, store: Store) -> None:
        """Topics go up to the declared length, and count to their last character."""
        limit = store.db.limits.topic
        for last in "12":
            store.db.put("t", last, last, topic="x" * (limit - 1) + last)

        assert contents(store.db, "t", "x" * (limit - 1) + "1") == {"1": "1"}

    @clause("TOPIC-02")
    def test_another_topic_moves_the_entry(self, store: Store) -> None:
        """A write with another topic moves the entry, and nothing of it stays in the old one."""
        db = store.db
        revision = db.create("t", "k", 1, topic="red")
        moves: list[Callable[[], Any]] = [
            lambda: db.put("t", "k", 1, topic="blue"),
            lambda: db.update("t", "k", 2, topic="green"),
            lambda: db.put_many("t", {"k": 3}, topic="red"),
            lambda: db.put("t", "k", 4, topic="blue", revision=db.entry("t", "k").revision),
            lambda: db.put("t", "k", 5),
        ]
        for move, topic in zip(moves, ("blue", "green", "red", "blue", ""), strict=True):
            move()
            where = [name for name in ("red", "blue", "green") if list(db.keys("t", topic=name))]
            assert where == ([topic] if topic else [])
            assert db.entry("t", "k").topic == topic
        assert db.entry("t", "k").revision > revision

    @clause("TOPIC-02")
    def test_update_keeps_the_topic(self, store: Store) -> None:
        """update without a topic keeps the one that the entry has."""
        store.db.create("t", "k", 1, topic="red")

        store.db.update("t", "k", 2)

        assert contents(store.db, "t", "red") == {"k": 2}

    @clause("TOPIC-02")
    def test_delete_clears_the_topic(self, store: Store) -> None:
        """delete takes the entry out of its topic; dropping the table takes all."""
        store.db.put_many("t", {"a": 1, "b": 2}, topic="red")

        store.db.delete("t", "a")
        assert contents(store.db, "t", "red") == {"b": 2}

        store.db.drop("t")
        assert contents(store.db, "t", "red") == {}
