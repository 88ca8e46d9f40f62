"""A mirror equals the store, or says that it may not."""

from __future__ import annotations

import os
import random
import secrets
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dfbackends
from contract_tests.fault import Fault
from contract_tests.faulty import FaultyDb
from contract_tests.plan import ANY, Plan
from contract_tests.waiting import eventually
from dfbackends.drivers.memory import MemoryDb, shared
from dfbackends.mirror import Changed, Mirror

Open = Callable[[], dfbackends.Backend]


@pytest.fixture(params=["memory", "sqlite", "polled"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Open handles of one store; the polled one does not tell of changes."""
    name = secrets.token_hex(8)
    handles: list[dfbackends.Backend] = []

    def connect() -> dfbackends.Backend:
        if request.param == "polled":
            plan = Plan(lambda topic: topic)
            handles.append(dfbackends.assemble(FaultyDb(MemoryDb(shared(name)), plan)))
        else:
            handles.append(dfbackends.open(f"memory:{name}" if request.param == "memory" else f"sqlite:{tmp_path}/a.db"))
        return handles[-1]

    yield connect
    for handle in handles:
        handle.close()


def stored(backend: dfbackends.Backend, *topics: str) -> dict[str, Any]:
    return {entry.key: (entry.value, entry.topic) for entry in backend.db.entries("t") if not topics or entry.topic in topics}


def mirrored(mirror: Mirror) -> dict[str, Any]:
    return {entry.key: (entry.value, entry.topic) for entry in mirror.entries()}


def equal(mirror: Mirror, backend: dfbackends.Backend, *topics: str) -> None:
    """Wait until the mirror has what the store has, and knows it."""
    eventually(lambda: mirrored(mirror) == stored(backend, *topics), "the mirror equals the store")
    eventually(lambda: mirror.synced, "the mirror is synced")


class Writer:
    """Writes at full speed until the end of its block: adds, changes, moves, deletions."""

    def __init__(self, backend: dfbackends.Backend, seed: int = 0) -> None:
        self._db = backend.db
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self.written = 0

    def _write(self) -> None:
        while not self._stop.is_set():
            key = f"k{self._random.randrange(60)}"
            if self._random.random() < 0.25:
                try:
                    self._db.delete("t", key)
                except dfbackends.KeyNotFound:
                    continue
            else:
                self._db.put("t", key, self.written, topic=self._random.choice(["", "a", "b", "c"]))
            self.written += 1

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def test_a_mirror_has_what_the_store_has_and_follows_it(opened: Open) -> None:
    backend, other = opened(), opened()
    other.db.put("t", "k1", {"a": [1, {"b": None}]}, topic="x")

    with backend.mirror("t", check_interval=0.2) as mirror:
        mirror.wait_synced(10)
        assert mirror.get("k1") == {"a": (1, {"b": None})}
        assert mirror.entry("k1") == dfbackends.Entry("k1", mirror.get("k1"), "x", other.db.entry("t", "k1").revision)
        other.db.put("t", "k2", 2)
        other.db.delete("t", "k1")

        equal(mirror, other)
        assert mirror.keys() == ["k2"]
        assert "k2" in mirror
        assert "k1" not in mirror
        assert len(mirror) == 1
        with pytest.raises(dfbackends.KeyNotFound):
            mirror.get("k1")


@pytest.mark.parametrize("topics", [[], ["a", "b"]])
def test_whenever_it_starts_under_writers_at_full_speed_it_comes_to_equal_the_store(opened: Open, topics: list[str]) -> None:
    backend, other = opened(), opened()
    other.db.put("t", "k0", 0)
    mirrors = []

    with Writer(other) as writer:
        for _ in range(20):
            mirror = backend.mirror("t", topics=topics or None, check_interval=0.2)
            mirror.wait_synced(20)
            mirrors.append(mirror)
        eventually(lambda: writer.written > 500, "there was something to write")

    for mirror in mirrors:
        equal(mirror, other, *topics)


def test_an_entry_that_moves_is_never_missing_from_a_mirror_of_both_topics(opened: Open) -> None:
    backend, other = opened(), opened()
    other.db.put("t", "k", 0, topic="a")
    told: list[Changed] = []
    with backend.mirror("t", topics=["a", "b"], on_change=told.append, check_interval=0.2) as mirror:
        mirror.wait_synced(10)
        for number in range(200):
            other.db.put("t", "k", number, topic="ab"[number % 2])
            assert "k" in mirror
        equal(mirror, other)

    assert all(change.new is not None for change in told)


def test_an_entry_that_leaves_the_topics_leaves_the_mirror(opened: Open) -> None:
    backend, other = opened(), opened()
    other.db.put("t", "k", 1, topic="a")
    told: list[Changed] = []
    with backend.mirror("t", topics=["a"], on_change=told.append, check_interval=0.2) as mirror:
        mirror.wait_synced(10)
        other.db.put("t", "k", 2, topic="b")
        eventually(lambda: "k" not in mirror, "it left")
        eventually(lambda: len(told) == 2, "both were told")

    assert [(change.old and change.old.value, change.new and change.new.value) for change in told] == [(None, 1), (1, None)]


def test_topics_may_change_while_it_runs(opened: Open) -> None:
    backend, other = opened(), opened()
    for topic in "abc":
        other.db.put("t", topic, 1, topic=topic)
    with backend.mirror("t", topics=["a"], check_interval=0.2) as mirror:
        mirror.wait_synced(10)
        for topics in (["a", "b"], ["b", "c"], ["c"], []):
            mirror.topics = topics
            assert not mirror.synced
            mirror.wait_synced(10)
            assert sorted(mirror.keys()) == topics
        mirror.topics = None
        mirror.wait_synced(10)
        assert sorted(mirror.keys()) == ["a", "b", "c"]


def test_what_is_told_is_what_changed_and_nothing_else(opened: Open) -> None:
    backend, other = opened(), opened()
    other.db.put("t", "same", 1)
    other.db.put("t", "gone", 1)
    told: list[Changed] = []
    copy: dict[str, Any] = {}

    def on_change(change: Changed) -> None:
        told.append(change)
        assert (change.old.value if change.old else None) == copy.get(change.key)
        if change.new is None:
            del copy[change.key]
        else:
            copy[change.key] = change.new.value

    with backend.mirror("t", on_change=on_change, check_interval=0.1) as mirror:
        mirror.wait_synced(10)
        eventually(lambda: copy == {"same": 1, "gone": 1}, "the beginning is told")
        told.clear()
        other.db.put("t", "same", 1)
        other.db.delete("t", "gone")
        other.db.put("t", "new", 5)
        eventually(lambda: copy == {"same": 1, "new": 5}, "the changes are told")

    assert sorted(change.key for change in told) == ["gone", "new"], "what was written again unchanged is no change"


def test_a_handler_that_raises_does_not_stop_the_copy(opened: Open) -> None:
    backend, other = opened(), opened()
    calls = []

    def on_change(change: Changed) -> None:
        calls.append(change.key)
        raise RuntimeError(change.key)

    with backend.mirror("t", on_change=on_change, check_interval=0.2) as mirror:
        mirror.wait_synced(10)
        other.db.put("t", "k1", 1)
        eventually(lambda: "k1" in calls, "the first is told")
        other.db.put("t", "k2", 2)
        eventually(lambda: "k2" in calls, "the second is told")
        assert mirror.synced


def test_nothing_can_be_read_before_it_was_copied() -> None:
    plan = Plan(lambda topic: topic)
    store = shared(secrets.token_hex(8))
    with dfbackends.assemble(FaultyDb(MemoryDb(store), plan), deadline=1.0) as backend, plan.armed(Fault.REFUSED, verbs=ANY):
        mirror = backend.mirror("t")
        reads: list[Callable[[], object]] = [
            lambda: mirror.get("k"),
            lambda: mirror.keys(),
            lambda: len(mirror),
            lambda: "k" in mirror,
            lambda: mirror.entries(),
        ]
        for read in reads:
            with pytest.raises(dfbackends.Unavailable, match="copied nothing yet"):
                read()
        with pytest.raises(dfbackends.Unavailable, match="not current within"):
            mirror.wait_synced(0.1)
        assert (mirror.synced, mirror.synced_at) == (False, None)


def test_values_can_not_be_changed(opened: Open) -> None:
    backend = opened()
    backend.db.put("t", "k", {"list": [1], "object": {"a": 1}})
    with backend.mirror("t") as mirror:
        mirror.wait_synced(10)
        value = mirror.get("k")

        with pytest.raises(AttributeError):
            value.update(x=1)
        with pytest.raises(AttributeError):
            value["list"].append(1)
        with pytest.raises(AttributeError):
            value["object"].clear()
        assert mirror.get("k") is value, "it is shared"


def test_many_mirrors_share_one_line(opened: Open) -> None:
    backend = opened()
    backend.db.put("t", "k", 1)
    mirrors = [backend.mirror("t") for _ in range(50)]
    for mirror in mirrors:
        mirror.wait_synced(20)

    readers = [thread.name for thread in threading.enumerate() if thread.name.startswith("dfbackends-reader")]

    assert len(readers) <= 1


def test_closing_the_backend_closes_its_mirrors_and_leaves_no_thread(opened: Open) -> None:
    backend = opened()
    mirror = backend.mirror("t")
    mirror.wait_synced(10)
    backend.close()

    assert mirror.closed
    assert not mirror.synced
    with pytest.raises(dfbackends.Closed):
        mirror.wait_synced(1)
    with pytest.raises(dfbackends.Closed):
        backend.mirror("t")
    eventually(lambda: not any(thread.name.startswith("dfbackends-mirror") for thread in threading.enumerate()), "it ends")


@pytest.mark.parametrize("table", ["", "\ud800", 5])
def test_what_is_no_table_is_refused_at_once(opened: Open, table: Any) -> None:
    with pytest.raises(dfbackends.InvalidName):
        opened().mirror(table)
    with pytest.raises(dfbackends.InvalidName):
        opened().mirror("t", topics=[table])


class Swapped:
    """A store in a file, that is exchanged for another under those who use it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "a.db"
        self.copy = folder / "copy.db"
        self.url = f"sqlite:{self.path}"

    def back_up(self) -> None:
        with sqlite3.connect(self.path) as source, sqlite3.connect(self.copy) as target:
            source.backup(target)
        source.close()
        target.close()

    def put_in_place(self, other: Path) -> None:
        for suffix in ("-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        os.replace(other, self.path)

    def restore_into(self, other: Path) -> None:
        """Write the content of another file into the one that is open."""
        with sqlite3.connect(other) as source, sqlite3.connect(self.path, timeout=10) as target:
            source.backup(target)
        source.close()
        target.close()


def other_store(folder: Path) -> Path:
    path = folder / "other.db"
    with dfbackends.open(f"sqlite:{path}") as backend:
        for number in range(5):
            backend.db.put("t", f"o{number}", number)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    return path


@pytest.mark.parametrize("how", ["wiped", "older", "other", "restored", "other restored"])
def test_a_store_that_is_exchanged_is_noticed(tmp_path: Path, how: str) -> None:
    store = Swapped(tmp_path)
    states: list[bool] = []
    with dfbackends.open(store.url) as backend:
        for number in range(10):
            backend.db.put("t", f"k{number}", number)
        store.back_up()
        backend.db.put("t", "k0", "newer")
        backend.db.put("t", "later", 1)
        mirror = backend.mirror("t", check_interval=0.3, on_state=lambda _, synced: states.append(synced))
        mirror.wait_synced(10)

        if how == "wiped":
            store.put_in_place(empty(tmp_path))
        elif how == "older":
            store.put_in_place(store.copy)
        elif how == "other":
            store.put_in_place(other_store(tmp_path))
        else:
            store.restore_into(store.copy if how == "restored" else other_store(tmp_path))
        with dfbackends.open(store.url) as fresh:
            fresh.db.put("t", "after", 1)
            equal(mirror, fresh)

    assert "later" not in mirror
    assert states[:1] == [True]
    assert False in states, "it was marked stale in between"


def empty(folder: Path) -> Path:
    path = folder / "empty.db"
    dfbackends.open(f"sqlite:{path}").close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    return path


def test_an_outage_is_told_and_mended_without_help(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    away = tmp_path / "away.db"
    states: list[bool] = []
    with dfbackends.open(f"sqlite:{path}?deadline=1&timeout=0.1") as backend:
        backend.db.put("t", "k", 1)
        mirror = backend.mirror("t", check_interval=0.3, on_state=lambda _, synced: states.append(synced))
        mirror.wait_synced(10)

        shutil.move(path, away)
        eventually(lambda: not mirror.synced, "the outage is told")
        assert mirror.get("k") == 1, "what was copied stays readable"
        shutil.move(away, path)
        eventually(lambda: mirror.synced, "it is mended")
        eventually(lambda: states[-1:] == [True] and False in states, "both are told")
