"""What a local copy tells of, and what travels to it."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from contract_tests.capability import Capability
from contract_tests.cases.mirrors import TOPICS, Mirrored
from contract_tests.checks.copies import Told, content, wait_equal
from contract_tests.clients.traffic import Traffic
from contract_tests.fault import Fault
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.waiting import eventually, never
from dfbackends import Changed, Entry, Mirror


class ChangeCases(Mirrored):
    """The changes of a table."""

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
