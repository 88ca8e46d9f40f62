"""Local copies of tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases, each_raises
from contract_tests.checks.copies import Told, content, wait_equal
from contract_tests.clients.processes import Worker
from contract_tests.clients.traffic import Traffic
from contract_tests.counts import Counts
from contract_tests.fault import Fault
from contract_tests.floor import TooLittle
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.waiting import eventually, never
from dfbackends import Changed, Closed, Entry, InvalidName, KeyNotFound, Mirror

TOPICS = ["", "a", "b", "c"]
AT_ONCE = 10


class MirrorCases(Cases):
    """What a mirror has, and what it tells."""

    @property
    def interval(self) -> float:
        """How often mirrors are compared: never in the time of a case, where changes are to do it all."""
        return 300.0 if Capability.WATCHING in self.harness.capabilities else 0.05

    @clause("MIR-01", timeout=120)
    @pytest.mark.parametrize("topics", [None, ["a", "b"]], ids=["table", "topics"])
    def test_each_start_comes_to_equal_the_store(
        self, store: Store, counts: Counts, topics: list[str] | None, seed: int
    ) -> None:
        """Whenever it starts under writers at full speed, the copy comes to equal the store."""
        with Traffic([store.open().db, store.db], "t", TOPICS, seed=seed) as traffic:
            self.starts(store, traffic, counts.starts, topics)

    @clause("MIR-01", needs=[Capability.SHARED], process=True, timeout=120)
    @pytest.mark.parametrize("topics", [None, ["a", "b"]], ids=["table", "topics"])
    def test_another_process_writes_too(self, store: Store, counts: Counts, topics: list[str] | None, seed: int) -> None:
        """Whenever it starts while another process writes at full speed, too, the copy comes to equal the store."""
        with (
            Worker("scribble", store.url, "t", TOPICS, seed + 1) as worker,
            Traffic([store.open().db], "t", TOPICS, seed=seed) as traffic,
        ):
            assert worker.hear() == "ready"
            self.starts(store, traffic, counts.starts, topics, [worker])

    def starts(
        self, store: Store, traffic: Traffic, count: int, topics: list[str] | None, workers: Sequence[Worker] = ()
    ) -> None:
        """Start mirrors, and compare them with the store while nobody writes."""
        meanwhile = 0
        for _ in range(count // AT_ONCE):
            with ExitStack() as opened:
                before = traffic.written
                mirrors = [
                    opened.enter_context(store.backend.mirror("t", topics=topics, check_interval=self.interval))
                    for _ in range(AT_ONCE)
                ]
                for mirror in mirrors:
                    mirror.wait_synced(20)
                meanwhile += traffic.written - before
                with traffic.paused():
                    for worker in workers:
                        worker.tell("pause")
                        assert worker.hear() == "paused"
                    for mirror in mirrors:
                        wait_equal(mirror, store.db)
                    for worker in workers:
                        worker.tell("go on")
        if meanwhile < count // AT_ONCE:
            raise TooLittle(f"{meanwhile} writes were done while {count} mirrors started")

    @clause("MIR-01")
    def test_it_reads_as_the_store_does(self, store: Store) -> None:
        """A copy has values, topics and revisions of the store, and its values can not be changed."""
        store.db.put("t", "k1", {"a": [1, {"b": None}]}, topic="x")
        with store.backend.mirror("t", check_interval=self.interval) as mirror:
            mirror.wait_synced(10)
            value = mirror.get("k1")
            entry, original = mirror.entry("k1"), store.db.entry("t", "k1")
            assert (entry.topic, entry.revision) == (original.topic, original.revision)
            assert value == {"a": (1, {"b": None})}
            assert mirror.get("k1") is value
            changing: list[Callable[[], object]] = [
                lambda: value.update(x=1),
                lambda: value["a"].append(1),
                lambda: value["a"][1].clear(),
            ]
            each_raises(AttributeError, *changing)

            store.db.put("t", "k2", 2)
            store.db.delete("t", "k1")
            wait_equal(mirror, store.db)

            assert mirror.keys() == ["k2"]
            assert ("k2" in mirror, "k1" in mirror, len(mirror)) == (True, False, 1)
            with pytest.raises(KeyNotFound):
                mirror.get("k1")

    @clause("MIR-01")
    def test_it_ends(self, store: Store) -> None:
        """A mirror ends with its backend; a table or topic that is none is refused at once."""
        illegal: list[Any] = ["", "\ud800", 5]
        for name in illegal:
            each_raises(InvalidName, partial(store.backend.mirror, name), partial(store.backend.mirror, "t", topics=[name]))
        backend = store.open()
        mirror = backend.mirror("ends", check_interval=self.interval)
        mirror.wait_synced(10)

        backend.close()

        assert (mirror.closed, mirror.synced, mirror.code) == (True, False, None)
        each_raises(Closed, lambda: mirror.wait_synced(1), lambda: backend.mirror("t"))
        eventually(lambda: not any(name.endswith("mirror-ends") for name in store.backend.health().threads), "its thread ends")

    @clause("MIR-01")
    def test_topics_may_change_under_load(self, store: Store, seed: int) -> None:
        """The topics may be changed while it runs; it is synced again once it has what they have."""
        choices: list[list[str] | None] = [["a"], ["a", "b"], ["b", "c"], [], None, ["b"]]
        with (
            Traffic([store.open().db], "t", TOPICS, seed=seed) as traffic,
            store.backend.mirror("t", topics=["c"], check_interval=self.interval) as mirror,
        ):
            for topics in choices * 3:
                mirror.topics = topics
                assert not mirror.synced
                mirror.wait_synced(20)
                with traffic.paused():
                    wait_equal(mirror, store.db)

    @clause("MIR-04", timeout=120)
    @pytest.mark.parametrize("topics", [None, ["a", "b"]], ids=["table", "topics"])
    def test_changes_come_in_the_order_of_revisions(self, store: Store, topics: list[str] | None, seed: int) -> None:
        """Changes of a key come in the order of its revisions, and after one was seen, get returns it or something newer."""
        told = Told()
        behind: list[tuple[Changed, Entry]] = []
        reader = store.open().db

        def on_change(change: Changed) -> None:
            told.on_change(change)
            if change.new is not None and change.key.startswith("s"):
                seen = [reader.entry("t", change.key)] + ([mirror.entry(change.key)] if topics is None else [])
                behind.extend((change, entry) for entry in seen if entry.revision < change.new.revision)

        mirror = store.backend.mirror("t", topics=topics, on_change=on_change, check_interval=self.interval)
        with mirror:
            mirror.wait_synced(10)
            with Traffic([store.open().db, store.db], "t", TOPICS, seed=seed) as traffic:
                eventually(lambda: len(told.changes) > 1_000, "changes", 60)
                with traffic.paused():
                    wait_equal(mirror, store.db)
                    eventually(lambda: told.content == content(mirror), "what was told adds up to the copy")

        assert behind == []
        assert told.wrong == []
        revisions: dict[str, int] = {}
        for change in told.changes:
            if change.new is not None:
                assert change.new.revision > revisions.get(change.key, 0)
                revisions[change.key] = change.new.revision

    @clause("MIR-04")
    def test_only_what_changed_is_told(self, store: Store) -> None:
        """What was written again unchanged is no change, and is not told."""
        store.db.put_many("t", {"same": 1, "gone": 1})
        told = Told()
        with store.backend.mirror("t", on_change=told.on_change, check_interval=self.interval) as mirror:
            mirror.wait_synced(10)
            eventually(lambda: len(told.changes) == 2, "the beginning")

            store.db.put("t", "same", 1)
            store.db.delete("t", "gone")
            store.db.put("t", "new", 5)
            eventually(lambda: len(told.changes) >= 4, "the changes")
            never(lambda: len(told.changes) > 4, "something else is told")

        assert sorted(change.key for change in told.changes[2:]) == ["gone", "new"]

    @clause("MIR-04")
    def test_on_change_that_raises(self, store: Store) -> None:
        """An ``on_change`` that raises is called again with the next change, and the copy goes on."""
        called: list[str] = []

        def on_change(change: Changed) -> None:
            called.append(change.key)
            raise RuntimeError(change.key)

        with store.backend.mirror("t", on_change=on_change, check_interval=self.interval) as mirror:
            mirror.wait_synced(10)
            for key in ("k1", "k2"):
                store.db.put("t", key, 1)
                eventually(lambda key=key: key in called, "it is told")  # type: ignore[misc]
            wait_equal(mirror, store.db)

    @clause("MIR-05")
    def test_an_entry_that_moves_out_is_a_delete(self, store: Store) -> None:
        """An entry that moves out of the chosen topics is a delete; one that moves within them is never missing."""
        told = Told()
        store.db.put("t", "k", 0, topic="a")
        with store.backend.mirror("t", topics=["a", "b"], on_change=told.on_change, check_interval=self.interval) as mirror:
            mirror.wait_synced(10)
            for number in range(1, 201):
                store.db.put("t", "k", number, topic="ab"[number % 2])
                assert "k" in mirror
            wait_equal(mirror, store.db)
            eventually(lambda: told.content == content(mirror), "all of it is told")
            assert all(change.new is not None for change in told.changes)

            store.db.put("t", "k", 201, topic="c")
            eventually(lambda: "k" not in mirror, "it leaves")
            eventually(lambda: told.content == {}, "it is told")

        assert told.wrong == []
        assert told.changes[-1].new is None

    @clause("MIR-05", injects=[Fault.DROPPED])
    def test_only_the_chosen_topics_travel(self, store: Store) -> None:
        """Only entries and changes of the chosen topics come from the backend."""
        writer = store.open().db
        for topic in TOPICS:
            writer.put_many("t", {f"{topic}{number}": number for number in range(20)}, topic=topic)

        with store.backend.mirror("t", topics=["a", "b"], check_interval=self.interval) as mirror:
            mirror.wait_synced(10)
            for number in range(100):
                writer.put("t", f"k{number % 10}", number, topic=TOPICS[number % 4])
            writer.put("t", "k1", "moves out", topic="c")
            eventually(lambda: "k1" not in mirror, "it left")
            writer.put("t", "last", 1, topic="a")
            eventually(lambda: "last" in mirror, "the last change")
            carried = store.plan.carried("t")

        assert set(carried) == {"a", "b"}

    @clause("MIR-05", injects=[Fault.DROPPED], needs=[Capability.WATCHING])
    def test_many_mirrors_share_one_line(self, store: Store) -> None:
        """The mirrors of a handle share one line, on which each change comes once."""
        with ExitStack() as opened:
            mirrors: list[Mirror] = [
                opened.enter_context(store.backend.mirror("t", check_interval=self.interval)) for _ in range(50)
            ]
            for mirror in mirrors:
                mirror.wait_synced(20)
            before = store.plan.carried("t")[""]
            store.db.put("t", "k", 1, topic="x")
            for mirror in mirrors:
                wait_equal(mirror, store.db)

        assert store.plan.calls["watch"] == 1
        assert store.plan.carried("t")[""] == before + 1
