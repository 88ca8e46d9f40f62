"""Local copies of tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases, each_raises
from contract_tests.checks.copies import Told, wait_equal
from contract_tests.clients.processes import Worker
from contract_tests.clients.traffic import Traffic
from contract_tests.counts import Counts
from contract_tests.floor import TooLittle
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.waiting import FACTOR, eventually, never
from dfbackends import Closed, InvalidName, KeyNotFound

TOPICS = ["", "a", "b", "c"]
AT_ONCE = 10


class Mirrored(Cases):
    """Tests of mirrors."""

    @property
    def interval(self) -> float:
        """How often mirrors are compared: never in the time of a case, where changes are to do it all."""
        return 300.0 if Capability.WATCHING in self.harness.capabilities else 0.05


class MirrorCases(Mirrored):
    """What a mirror has."""

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

    @clause("MIR-01", needs=[Capability.WATCHING])
    @pytest.mark.parametrize("buckets", [1, 8])
    def test_writers_at_full_speed_make_no_copy_stale(self, store: Store, buckets: int, seed: int) -> None:
        """A copy that is compared while others write at full speed stays current."""
        store.db.create_table("t", buckets=buckets)
        told = Told()
        with (
            Traffic([store.open().db, store.db], "t", TOPICS, seed=seed),
            store.backend.mirror("t", on_state=told.on_state, check_interval=FACTOR) as mirror,
        ):
            mirror.wait_synced(20)
            # Each difference is looked into at the comparison after it.
            never(lambda: False in told.states, "it is stale", 4)
            assert told.states == [True]

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
    @pytest.mark.parametrize("place", [{"buckets": 4}, {"partition": "p"}], ids=["buckets", "partition"])
    def test_a_table_that_is_created_later(self, store: Store, place: dict[str, Any]) -> None:
        """A copy of a table that nobody had created comes to equal it, wherever it is created."""
        with store.backend.mirror("t", check_interval=0.2) as mirror:
            mirror.wait_synced(10)
            db = store.open().db
            db.create_table("t", **place)
            db.put_many("t", {f"k{number}": number for number in range(20)})

            wait_equal(mirror, db)
            db.put("t", "k", 1)
            wait_equal(mirror, db)

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
