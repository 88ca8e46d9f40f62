"""How a backend is, told within a second whatever its state, and without changing it."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import dfbackends
from contract_tests.fault import Fault
from contract_tests.faults.faulty import FaultyDb, faulty_db, faulty_pubsub
from contract_tests.faults.simulated import Simulated
from contract_tests.plan import ANY, WRITING, Plan
from contract_tests.waiting import Stopwatch, eventually, never
from dfbackends.api import DbApi, Key, OpId, Record, Table, Write
from dfbackends.drivers.memory import MemoryDb, MemoryPubSub, Store, shared
from dfbackends.health import Health


class Gated(MemoryDb):
    """A store whose calls wait for as long as its gates are shut."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.reading = threading.Event()
        self.writing = threading.Event()
        self.calls: list[str] = []
        self.open()

    def open(self) -> None:
        self.reading.set()
        self.writing.set()

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        self.calls.append("read")
        assert self.reading.wait(30)
        return super().read(keys)

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        self.calls.append("write")
        assert self.writing.wait(30)
        return super().write(writes, op)


@pytest.fixture
def store() -> Store:
    return shared(secrets.token_hex(8))


@pytest.fixture
def gated(store: Store) -> Gated:
    return Gated(store)


@pytest.fixture
def backend(store: Store, gated: Gated) -> Iterator[dfbackends.Backend]:
    with dfbackends.assemble(gated, MemoryPubSub(store), deadline=2.0) as backend:
        yield backend
        gated.open()


def within_a_second(backend: dfbackends.Backend) -> Health:
    watch = Stopwatch()
    health = backend.health()
    assert watch.seconds < 1.0
    return health


def test_a_store_that_hangs_is_told_within_a_second(backend: dfbackends.Backend, gated: Gated) -> None:
    gated.reading.clear()
    gated.writing.clear()

    health = within_a_second(backend)

    assert (health.read, health.write) == ("unreachable", "unreachable")
    assert not health.well


def test_a_store_that_reads_but_hangs_at_writes_is_told_as_such(backend: dfbackends.Backend, gated: Gated) -> None:
    gated.writing.clear()

    health = within_a_second(backend)

    assert (health.read, health.write) == (None, "overloaded")
    assert not health.well


def test_who_asks_a_store_that_hangs_again_and_again_piles_up_nothing(backend: dfbackends.Backend, gated: Gated) -> None:
    gated.reading.clear()
    gated.writing.clear()
    backend.health()
    watch = Stopwatch()

    askers = [threading.Thread(target=backend.health) for _ in range(20)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()

    assert watch.seconds < 1.0
    assert sorted(gated.calls) == ["read", "write"]
    assert backend.health().threads == ("dfbackends-reading", "dfbackends-writing")


def test_a_store_that_answers_again_is_well_again(backend: dfbackends.Backend, gated: Gated) -> None:
    gated.reading.clear()
    gated.writing.clear()
    assert not backend.health().well

    gated.open()

    eventually(lambda: backend.health().well, "it is well")
    eventually(lambda: backend.health().threads == (), "who asked has ended")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.READ_ONLY, "read_only"),
        (Fault.FULL, "full"),
        (Fault.REFUSED, "unreachable"),
        (Fault.UNAUTHENTICATED, "unauthenticated"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_store_that_only_reads_says_why(store: Store, fault: Fault, code: str) -> None:
    plan = Plan(str)
    with dfbackends.assemble(faulty_db(MemoryDb(store), Simulated(plan)), MemoryPubSub(store)) as backend:
        with plan.armed(fault, verbs=WRITING):
            health = backend.health()
        assert (health.read, health.write) == (None, code)
        assert not health.well
        assert backend.health().well


def test_a_file_that_another_process_writes_to_is_read_and_not_written(tmp_path: Path) -> None:
    with dfbackends.open(f"sqlite:{tmp_path}/a.db") as backend:
        other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        health = within_a_second(backend)

        assert (health.read, health.write) == (None, "overloaded")
        other.execute("ROLLBACK")
        other.close()
        eventually(lambda: backend.health().well, "it is well")


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"memory:{secrets.token_hex(8)}" if request.param == "memory" else f"sqlite:{tmp_path}/a.db"


def test_asking_shows_nowhere_and_grows_nothing(url: str) -> None:
    changed: list[object] = []
    heard: list[object] = []
    with dfbackends.open(url) as backend, dfbackends.open(url) as other:
        other.db.put("health", "k", 1)
        with (
            other.mirror("health", on_change=changed.append, check_interval=0.1) as mirror,
            other.pubsub.subscribe("health", lambda _, data: heard.append(data), on_loss=lambda _, loss: heard.append(loss)),
        ):
            mirror.wait_synced(10)
            eventually(lambda: len(changed) == 1, "the entry is there")
            for _ in range(50):
                backend.health()

            never(lambda: len(changed) > 1 or bool(heard), "somebody was told")
        eventually(lambda: backend.health().well, "it was written")
        assert other.db.tables() == ["health"]
        assert list(other.db.keys("health")) == ["k"]
        own = [key for key, _ in other._store.driver.scan(Table("!health", "!health"))]
        assert own == ["health"]


def test_it_tells_of_the_line_of_changes_and_the_age_of_its_last_sign_of_life(store: Store) -> None:
    with dfbackends.assemble(MemoryDb(store), MemoryPubSub(store)) as backend:
        idle = backend.health().changes
        with backend.mirror("t", check_interval=0.1) as mirror:
            mirror.wait_synced(10)
            health = backend.health()

    assert idle is not None
    assert (idle.connected, idle.silent, idle.code) == (False, None, None)
    assert health.changes is not None
    assert health.changes.connected
    assert health.changes.silent is not None
    assert 0 <= health.changes.silent < 10
    assert [(each.table, each.synced) for each in health.mirrors] == [("t", True)]


def test_a_store_that_tells_of_no_changes_has_no_line_of_them(store: Store) -> None:
    with dfbackends.assemble(FaultyDb(MemoryDb(store), Simulated(Plan(str)))) as backend:
        assert backend.health().changes is None
        assert backend.health().well


def test_a_line_of_messages_that_is_down_is_told(store: Store) -> None:
    plan = Plan(str)
    with dfbackends.assemble(MemoryDb(store), faulty_pubsub(MemoryPubSub(store), Simulated(plan))) as backend:
        backend.pubsub.subscribe("t", print, on_loss=dfbackends.renew)
        assert backend.health().well
        plan.lose_line(Fault.DOWN)
        eventually(lambda: not backend.pubsub.health().connected, "the line is down")

        health = within_a_second(backend)

        assert (health.pubsub.code, health.read, health.write) == ("unreachable", None, None)
        assert health.pubsub.silent is not None
        assert not health.well
        plan.mend()


def test_a_handler_that_does_not_return_does_not_hold_it_up(backend: dfbackends.Backend) -> None:
    running, end = threading.Event(), threading.Event()

    def endless(topic: str, data: object) -> None:
        running.set()
        end.wait(30)

    backend.pubsub.subscribe("t", endless, on_loss=dfbackends.renew)
    backend.pubsub.publish("t", 1)
    assert running.wait(10)

    assert within_a_second(backend).well
    end.set()


def test_threads_are_those_of_this_backend_alone(store: Store, backend: dfbackends.Backend) -> None:
    with dfbackends.assemble(MemoryDb(store), MemoryPubSub(store), threads=2) as other, other.mirror("t") as mirror:
        mirror.wait_synced(10)
        other.pubsub.subscribe("t", print, on_loss=dfbackends.renew)
        other.pubsub.publish("t", 1)

        found = [name for name in other.health().threads if name not in ("dfbackends-reading", "dfbackends-writing")]

        assert found == [
            "dfbackends-handler-1",
            "dfbackends-handler-2",
            "dfbackends-heartbeats",
            "dfbackends-mirror-t",
            "dfbackends-reader-MemoryDb",
            "dfbackends-reader-MemoryPubSub",
        ]
        assert backend.health().threads == ()


def test_after_close_it_raises_at_once_and_closing_waits_for_no_question_for_long(
    backend: dfbackends.Backend, gated: Gated
) -> None:
    gated.reading.clear()
    assert backend.health().read == "unreachable"
    watch = Stopwatch()
    backend.close()
    assert watch.seconds < 5
    watch = Stopwatch()

    with pytest.raises(dfbackends.Closed):
        backend.health()

    assert watch.seconds < 0.5


def test_who_is_asking_while_it_is_closed_is_told_that_it_is(backend: dfbackends.Backend, gated: Gated) -> None:
    raised: list[BaseException] = []

    def ask() -> None:
        try:
            backend.health()
        except dfbackends.Error as error:
            raised.append(error)

    gated.reading.clear()
    asker = threading.Thread(target=ask)
    asker.start()
    eventually(lambda: gated.calls != [], "the question is asked")
    closer = threading.Thread(target=backend.close)
    closer.start()
    asker.join(10)
    gated.open()
    closer.join(10)

    assert [type(error) for error in raised] == [dfbackends.Closed]


def test_a_frozen_client_is_asked_by_each_call_anew(store: Store) -> None:
    plan = Plan(str)
    driver: DbApi = faulty_db(MemoryDb(store), Simulated(plan))
    tell: Callable[[], Health]
    with dfbackends.assemble(driver, MemoryPubSub(store)) as backend:
        tell = backend.health
        with plan.armed(Fault.FROZEN, verbs=ANY):
            assert [tell().read, tell().read] == ["unreachable", "unreachable"]
        assert plan.calls["read"] == 2
        assert tell().well
