"""What the tables of an application tell it is true, when calls fail in the middle of what they do."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from contract_tests.fault import Fault
from contract_tests.faults.faulty import FaultyDb, faulty_db
from contract_tests.faults.simulated import Lost, Simulated
from contract_tests.plan import Plan
from dfbackends.api import DbApi, Key, Message, OpId, Record, Table, Write
from dfbackends.catalog import Catalog
from dfbackends.database import Database
from dfbackends.drivers.memory import MemoryDb, shared
from dfbackends.errors import (
    Closed,
    Conflict,
    InvalidName,
    OutcomeUnknown,
    PartlyDone,
    Refused,
    RollbackFailed,
    Unavailable,
)
from dfbackends.names import Namespace
from dfbackends.reliable import Reliable
from dfbackends.retry import Patience
from dfbackends.writer import Announcer, Writer

SPACE = Namespace("")
TABLES = Table("!tables", "!tables")


class Carrier:
    """Announces by another way than the store, which may close meanwhile."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.closes = False

    def announcement(self, topic: str, data: Any) -> Message:
        return Message(topic, b"")

    def publish(self, topic: str, data: Any) -> None:
        if self.closes:
            self._bench.store.close()
            raise Closed


def over(store: Reliable, carrier: Announcer | None = None) -> Database:
    return Database(store, Catalog(store, SPACE), SPACE, Writer(store, SPACE, carrier, atomic=False))


class Bench:
    """A database over a driver that fails on demand, and the truth."""

    def __init__(self, *, outcomes: bool = True, deadline: float = 1.0) -> None:
        self.plan = Plan(lambda topic: topic)
        self.truth: DbApi = MemoryDb(shared(secrets.token_hex(8)))
        driver = faulty_db(self.truth, Simulated(self.plan)) if outcomes else FaultyDb(self.truth, Simulated(self.plan))
        self.store = Reliable(driver, namespace=SPACE, patience=Patience(3, deadline))
        self.carrier = Carrier(self)
        self.db = over(self.store, self.carrier)
        self.db.put("t", "x", 0)

    def put_in_a_batch(self, entries: int) -> None:
        with self.db.batch() as batch:
            for number in range(entries):
                batch.put("t", f"k{number}", number)

    def stored(self) -> set[str]:
        return {name for name, _ in self.truth.scan(Table("/t", "/t"))}


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.store.close()


@pytest.fixture
def plain() -> Iterator[Bench]:
    """A bench whose driver keeps no outcomes."""
    bench = Bench(outcomes=False)
    yield bench
    bench.store.close()


def test_one_key_in_two_tables_is_two_writes_when_an_outcome_is_asked_for(bench: Bench) -> None:
    bench.db.create_table("a", partition="p")
    bench.db.create_table("b", partition="p")

    def create_in_both() -> None:
        with bench.db.transaction() as tx:
            tx.create("a", "k", 1)
            tx.create("b", "k", 2)

    with (
        bench.plan.armed(Fault.LOST_REPLY, verbs=["commit", "cancel"]),
        pytest.raises(OutcomeUnknown) as caught,
    ):
        create_in_both()

    assert bench.db.resolve(caught.value) is True


def test_a_dropped_table_whose_answer_was_lost_is_not_told_as_kept(bench: Bench) -> None:
    with bench.plan.armed(Fault.LOST_REPLY, verbs=["drop"]), pytest.raises(OutcomeUnknown):
        bench.db.drop("t")

    assert bench.stored() == set()


def test_a_table_without_its_entries_is_not_told_as_kept(bench: Bench) -> None:
    with bench.plan.armed(Fault.REFUSED, verbs=["write"]), pytest.raises(OutcomeUnknown):
        bench.db.drop("t")

    assert bench.stored() == set()


def test_a_table_that_was_created_is_not_told_as_missing(bench: Bench) -> None:
    with bench.plan.armed(Fault.REFUSED, verbs=["read"], at=2):
        bench.db.create_table("new", {"type": "integer"})

    assert "new" in bench.db.tables()


def test_a_schema_that_python_takes_for_the_same_is_another(bench: Bench) -> None:
    bench.db.create_table("new", {"const": 1})

    with pytest.raises(Conflict):
        bench.db.create_table("new", {"const": True})


def test_a_definition_that_is_not_ours_is_no_fault_of_the_callers_name(bench: Bench) -> None:
    text = b'{"partition":"","buckets":1,"schema":null,"dropped":false}'
    bench.truth.write([Write(Key(TABLES, "other"), text)], OpId("other"))

    with pytest.raises(Refused):
        bench.db.get("other", "k")


def test_a_batch_that_close_cuts_short_names_what_it_leaves(plain: Bench) -> None:
    plain.plan.arm(Fault.REFUSED, at=3)
    plain.plan.when_struck(plain.store.close)

    with pytest.raises(RollbackFailed) as caught:
        plain.put_in_a_batch(4)

    assert plain.stored() == {"x", "k0", "k1"}
    assert set(caught.value.keys) == {("t", "k0"), ("t", "k1")}


def test_many_writes_that_close_cuts_short_tell_which_were_done(plain: Bench) -> None:
    plain.plan.arm(Fault.REFUSED, at=3)
    plain.plan.when_struck(plain.store.close)

    with pytest.raises(PartlyDone) as caught:
        plain.db.put_many("t", {f"k{number}": number for number in range(4)})

    assert plain.stored() == {"x", *caught.value.done} == {"x", "k0", "k1"}
    assert isinstance(caught.value.failed["k2"], Closed)
    with pytest.raises(Closed):
        plain.db.put_many("t", {"k": 1})


def test_an_entry_whose_announcement_met_a_close_is_named(bench: Bench) -> None:
    bench.carrier.closes = True

    with pytest.raises(RollbackFailed) as caught:
        bench.db.create("t", "k", 1, announce=("topic", 1))

    assert caught.value.keys == (("t", "k"),)
    assert "k" in bench.stored()


def test_a_write_in_doubt_that_was_not_announced_is_not_told_as_done(bench: Bench) -> None:
    with bench.plan.armed(Fault.LOST_REPLY, verbs=["write", "cancel"]), pytest.raises(OutcomeUnknown) as caught:
        bench.db.create("t", "k", 1, announce=("topic", 1))

    with pytest.raises(OutcomeUnknown):
        bench.db.resolve(caught.value)


def test_undoing_does_not_wait_for_a_backend_that_stays_away_key_by_key(plain: Bench) -> None:
    began = time.monotonic()

    with (
        plain.plan.armed(Fault.REFUSED, verbs=["write", "read"], at=8),
        pytest.raises(RollbackFailed) as caught,
    ):
        plain.put_in_a_batch(8)

    assert time.monotonic() - began < 5.0
    assert len(caught.value.keys) == 6


def test_an_outcome_can_be_asked_for_again_when_the_backend_is_away(bench: Bench) -> None:
    with bench.plan.armed(Fault.LOST_REPLY, verbs=["write", "cancel"]), pytest.raises(OutcomeUnknown) as caught:
        bench.db.put("t", "k", 1)
    bench.store.resolver.close(until=0.0)

    stranger = over(bench.store)
    with bench.plan.armed(Fault.REFUSED, verbs=["read"]), pytest.raises(OutcomeUnknown) as unread:
        stranger.resolve(caught.value)
    with bench.plan.armed(Fault.REFUSED, verbs=["cancel"]), pytest.raises(OutcomeUnknown) as unanswered:
        stranger.resolve(unread.value)

    assert stranger.resolve(unanswered.value) is True


def test_an_update_ends_in_time_however_quick_the_others_are(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = bench.store.driver
    read = driver.read

    def overtaken(keys: Sequence[Key]) -> list[Record | None]:
        found = read(keys)
        bench.truth.write([Write(keys[0], b"1")], OpId(secrets.token_hex(8)))
        return found

    monkeypatch.setattr(driver, "read", overtaken)
    for announce in (None, ("topic", 1)):
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            bench.db.update("t", "x", 5, announce=announce)

        assert caught.value.code == "overloaded"
        assert time.monotonic() - began < 3.0


@pytest.mark.parametrize("topic", [0, False, b"", []])
def test_a_topic_that_is_no_text_is_refused_also_where_it_is_empty(bench: Bench, topic: Any) -> None:
    with pytest.raises(InvalidName):
        bench.db.update("t", "x", 1, topic=topic)
    with pytest.raises(InvalidName), bench.db.batch() as batch:
        batch.update("t", "x", 1, topic=topic)
    with pytest.raises(InvalidName), bench.db.transaction() as tx:
        tx.update("t", "x", 1, topic=topic)


def test_a_child_gets_closed_from_what_its_parent_had_begun(bench: Bench) -> None:
    bench.db.put("t", "y", 1)
    entries = bench.db.entries("t")
    next(entries)
    with bench.db._allocator._lock:
        child = os.fork()
        if child == 0:  # pragma: no cover - coverage does not follow
            bench.store.abandon()
            told = 0
            for call in (lambda: next(entries), lambda: bench.db.allocate("t")):
                try:
                    call()
                except Closed:
                    told += 1
            os._exit(told)

        _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 2
    assert len(list(entries)) == 1


class Broken(MemoryDb):
    """Fails behind the first entry of a listing, in a way that its table of errors does not know."""

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        yield next(super().scan(table, topic))
        raise ValueError


def test_a_listing_that_breaks_is_never_in_doubt() -> None:
    store = Reliable(Broken(shared(secrets.token_hex(8))), namespace=SPACE, patience=Patience(3, 1.0))
    db = over(store)
    db.put("t", "a", 1)

    with pytest.raises(Unavailable):
        list(db.keys("t"))


class Slow(MemoryDb):
    """Writes and answers nothing before its time-out."""

    timeout = 0.6

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        time.sleep(self.timeout)
        raise Lost

    def cancel(self, keys: Sequence[Key], op: OpId) -> Any:
        time.sleep(self.timeout)
        raise Lost


def test_asking_for_an_outcome_ends_with_the_deadline() -> None:
    store = Reliable(Slow(shared(secrets.token_hex(8))), namespace=SPACE, patience=Patience(0, 1.5))
    began = time.monotonic()

    with pytest.raises(OutcomeUnknown):
        store.write([Write(Key(TABLES, "k"), b"1")])

    assert time.monotonic() - began < 1.7
    store.close()


def test_a_new_entry_has_no_topic_to_keep(bench: Bench) -> None:
    none: Any = None

    with pytest.raises(InvalidName):
        bench.db.put("t", "k", 1, topic=none)
