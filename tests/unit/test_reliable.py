"""What a caller is told of a write is true, whatever became of the requests and of the answers."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from contract_tests.fault import Fault
from contract_tests.faults.faulty import FaultyDb, faulty_db
from contract_tests.faults.simulated import Simulated
from contract_tests.plan import ANY, FOREVER, Plan
from contract_tests.waiting import eventually
from dfbackends.api import DbApi, Expect, Fence, Key, OpId, Record, Table, Write
from dfbackends.drivers.memory import MemoryDb, shared
from dfbackends.errors import BackendError, Closed, OutcomeUnknown, Refused, Unavailable
from dfbackends.names import Namespace
from dfbackends.reliable import Reliable
from dfbackends.retry import Patience

TABLE = Table("/t", "/t")
K1, K2, K3 = (Key(TABLE, name) for name in ("k1", "k2", "k3"))
FAST = Patience(retries=3, deadline=4.0)
BEFORE = [Fault.REFUSED, Fault.READ_ONLY, Fault.OVERLOADED]
DOUBT = [Fault.CUT, Fault.LOST_REPLY, Fault.LATE, Fault.FROZEN]


class Bench:
    """A store under test: its faults, a reliable caller with and without recorded outcomes, and the truth."""

    def __init__(self) -> None:
        self.plan = Plan(lambda topic: topic)
        self.truth: DbApi = MemoryDb(shared(secrets.token_hex(8)))
        self._opened: list[Reliable] = []

    def open(self, *, outcomes: bool = True, patience: Patience = FAST) -> Reliable:
        driver = faulty_db(self.truth, Simulated(self.plan)) if outcomes else FaultyDb(self.truth, Simulated(self.plan))
        store = Reliable(driver, namespace=Namespace(""), patience=patience)
        self._opened.append(store)
        return store

    def stored(self, key: Key) -> Any:
        [record] = self.truth.read([key])
        return record.value if record is not None else None

    def close(self) -> None:
        for store in self._opened:
            store.close()
        self.truth.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


def test_a_write_that_was_not_done_is_repeated_three_times_and_then_told(bench: Bench) -> None:
    store = bench.open()

    with bench.plan.armed(Fault.REFUSED), pytest.raises(Unavailable) as caught:
        store.write([Write(K1, b"1")])

    assert bench.plan.calls["write"] == 4
    assert bench.plan.calls["cancel"] == 0
    assert caught.value.code == "unreachable"
    assert caught.value.__cause__ is not None
    assert bench.stored(K1) is None


@pytest.mark.parametrize("fault", BEFORE)
def test_a_backend_that_comes_back_in_time_is_not_noticed(bench: Bench, fault: Fault) -> None:
    store = bench.open()
    bench.plan.arm(fault, times=3)

    [revision] = store.write([Write(K1, b"1", expect=Expect.ABSENT)])

    assert isinstance(revision, int)
    assert bench.stored(K1) == b"1"


@pytest.mark.parametrize("fault", [Fault.FULL, Fault.UNAUTHENTICATED])
def test_a_refusal_is_told_at_once(bench: Bench, fault: Fault) -> None:
    store = bench.open()

    with bench.plan.armed(fault), pytest.raises(Refused):
        store.write([Write(K1, b"1")])

    assert bench.plan.calls["write"] == 1
    assert bench.stored(K1) is None


@pytest.mark.parametrize("fault", DOUBT)
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_write_in_doubt_is_done_exactly_once(bench: Bench, fault: Fault, times: int) -> None:
    store = bench.open()
    bench.plan.arm(fault, times=times)

    [revision] = store.write([Write(K1, b"1", expect=Expect.ABSENT)])
    bench.plan.release()

    [record] = bench.truth.read([K1])
    assert record == Record(b"1", revision if isinstance(revision, int) else 0)


@pytest.mark.parametrize("fault", DOUBT)
def test_a_write_that_stays_in_doubt_is_asked_for_and_the_answer_is_true_for_ever(bench: Bench, fault: Fault) -> None:
    store = bench.open()

    with bench.plan.armed(fault):
        [outcome] = store.write([Write(K1, b"1", expect=Expect.ABSENT)])
    done = isinstance(outcome, int)
    before = bench.stored(K1)
    bench.plan.release()

    assert done == (fault is Fault.LOST_REPLY)
    assert isinstance(outcome, int | Unavailable)
    assert (before == b"1") == done
    assert bench.stored(K1) == before, "what was told as not done arrived later"


def test_a_late_arrival_does_not_turn_a_failed_expectation_into_a_write(bench: Bench) -> None:
    store = bench.open()
    bench.truth.write([Write(K1, b"other")], OpId("other"))
    bench.plan.arm(Fault.LATE)

    outcomes = store.write([Write(K1, b"mine", expect=Expect.ABSENT)])
    bench.truth.write([Write(K1, None)], OpId("gone"))
    bench.plan.release()

    assert outcomes == [None]
    assert bench.stored(K1) is None


def test_an_outcome_that_can_not_be_asked_for_is_named_unknown_and_learnt_later(bench: Bench) -> None:
    store = bench.open()

    with bench.plan.armed(Fault.LOST_REPLY, verbs=["write", "cancel"]), pytest.raises(OutcomeUnknown) as caught:
        store.write([Write(K1, b"1")])
    eventually(lambda: store.resolver.unresolved == 0, "the resolver asks until it is answered")

    operation = caught.value.operation
    assert operation is not None
    assert operation.keys == (("t", "k1"),)
    assert store.resolve(operation, [K1]) == [bench.truth.read([K1])[0].revision]  # type: ignore[union-attr]


def test_an_operation_that_was_never_done_is_fenced_off_by_asking(bench: Bench) -> None:
    store = bench.open()
    bench.plan.arm(Fault.REFUSED, verbs=["cancel"], times=FOREVER)
    bench.plan.arm(Fault.LATE, times=FOREVER)
    with pytest.raises(OutcomeUnknown) as caught:
        store.write([Write(K1, b"1")])

    bench.plan.mend()
    assert caught.value.operation is not None
    answers = store.resolve(caught.value.operation, [K1])
    bench.plan.release()

    assert answers == [Fence.NEVER]
    assert bench.stored(K1) is None


def test_an_outcome_that_is_no_longer_kept_stays_unknown(bench: Bench) -> None:
    store = bench.open(patience=Patience(retries=0, deadline=0.05))
    with bench.plan.armed(Fault.LOST_REPLY, verbs=["write", "cancel"]), pytest.raises(OutcomeUnknown) as caught:
        store.write([Write(K1, b"1")])
    operation = caught.value.operation
    assert operation is not None

    with pytest.raises(OutcomeUnknown, match="no longer kept"):
        store.resolve(operation._replace(began=operation.began - 3600, id="another"), [K1])


@pytest.mark.parametrize("fault", DOUBT)
def test_without_recorded_outcomes_a_write_in_doubt_is_not_repeated(bench: Bench, fault: Fault) -> None:
    store = bench.open(outcomes=False)
    bench.plan.arm(fault)

    with pytest.raises(OutcomeUnknown) as caught:
        store.write([Write(K1, b"1")])

    assert bench.plan.calls["write"] == 1
    assert caught.value.operation is not None
    with pytest.raises(OutcomeUnknown):
        store.resolve(caught.value.operation, [K1])


@pytest.mark.parametrize("fault", [*BEFORE, *DOUBT])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_sequence_that_fails_anywhere_is_completed(bench: Bench, fault: Fault, at: int) -> None:
    store = bench.open()
    bench.plan.arm(fault, at=at)

    revisions = store.write([Write(key, b"1", expect=Expect.ABSENT) for key in (K1, K2, K3)])
    bench.plan.release()

    records = bench.truth.read([K1, K2, K3])
    assert revisions == [record.revision if record is not None else None for record in records]


@pytest.mark.parametrize("at", [1, 2, 3])
def test_without_recorded_outcomes_exactly_the_write_in_doubt_is_named(bench: Bench, at: int) -> None:
    store = bench.open(outcomes=False)
    bench.plan.arm(Fault.LOST_REPLY, at=at)

    outcomes = store.write([Write(key, b"1") for key in (K1, K2, K3)])

    assert [type(outcome) for outcome in outcomes] == [int] * (at - 1) + [OutcomeUnknown] + [Unavailable] * (3 - at)
    assert [bench.stored(key) for key in (K1, K2, K3)] == [b"1"] * at + [None] * (3 - at)


@pytest.mark.parametrize("fault", [*BEFORE, *DOUBT])
def test_a_commit_is_done_exactly_once(bench: Bench, fault: Fault) -> None:
    store = bench.open()
    bench.plan.arm(fault, times=2)

    revisions = store.commit([Write(K1, b"1", expect=Expect.ABSENT), Write(K2, b"2")], {K3: Expect.ABSENT}, [])
    bench.plan.release()

    assert revisions == [record.revision for record in bench.truth.read([K1, K2]) if record is not None]


@pytest.mark.parametrize("fault", DOUBT)
def test_a_commit_that_stays_in_doubt_is_done_as_a_whole_or_not_at_all(bench: Bench, fault: Fault) -> None:
    store = bench.open()

    with bench.plan.armed(fault):
        if fault is Fault.LOST_REPLY:
            assert store.commit([Write(K1, b"1"), Write(K2, b"2")], {}, []) is not None
        else:
            with pytest.raises(Unavailable):
                store.commit([Write(K1, b"1"), Write(K2, b"2")], {}, [])
    bench.plan.release()

    assert [bench.stored(K1), bench.stored(K2)] == ([b"1", b"2"] if fault is Fault.LOST_REPLY else [None, None])


@pytest.mark.parametrize("fault", [*BEFORE, *DOUBT])
def test_reads_are_repeated_and_never_unknown(bench: Bench, fault: Fault) -> None:
    store = bench.open()
    bench.truth.write([Write(K1, b"1")], OpId("one"))

    bench.plan.arm(fault, verbs=ANY, times=3)
    [record] = store.read([K1])
    assert record is not None
    assert record.value == b"1"
    with bench.plan.armed(fault, verbs=ANY), pytest.raises(Unavailable):
        store.read([K1])


@pytest.mark.parametrize("at", [1, 2, 50, 99, 100])
def test_a_scan_that_breaks_goes_on_and_yields_each_entry_once(bench: Bench, at: int) -> None:
    store = bench.open()
    bench.truth.write([Write(Key(TABLE, f"k{number}"), b"1") for number in range(100)], OpId("all"))
    bench.plan.arm(Fault.LOST_REPLY, verbs=["scan"], at=at, times=2)

    found = [name for name, _ in store.scan(TABLE, None)]

    assert sorted(found) == sorted(f"k{number}" for number in range(100))


def test_a_scan_that_always_breaks_at_the_same_place_ends_with_an_error(bench: Bench) -> None:
    store = bench.open()
    bench.truth.write([Write(Key(TABLE, f"k{number}"), b"1") for number in range(10)], OpId("all"))

    with bench.plan.armed(Fault.LOST_REPLY, verbs=["scan"]), pytest.raises(BackendError):
        list(store.scan(TABLE, None))


def test_a_frozen_backend_is_told_within_the_deadline(bench: Bench) -> None:
    store = bench.open(patience=Patience(retries=100, deadline=2.0))
    calls: dict[str, Any] = {
        "read": lambda: store.read([K1]),
        "write": lambda: store.write([Write(K1, b"1")]),
        "commit": lambda: store.commit([Write(K1, b"1")], {}, []),
        "drop": lambda: store.drop(TABLE),
    }

    for name, call in calls.items():
        with bench.plan.armed(Fault.FROZEN, verbs=ANY):
            began = time.monotonic()
            with pytest.raises((Unavailable, OutcomeUnknown)):
                call()
            assert time.monotonic() - began < 2.2, name


def test_closing_ends_a_call_that_waits_for_its_next_attempt(bench: Bench) -> None:
    store = bench.open(patience=Patience(retries=100, deadline=60.0))
    caught: list[BaseException] = []

    def write() -> None:
        try:
            store.write([Write(K1, b"1")])
        except BaseException as error:
            caught.append(error)

    with bench.plan.armed(Fault.REFUSED):
        writer = threading.Thread(target=write)
        writer.start()
        eventually(lambda: bench.plan.calls["write"] > 0, "the first attempt is made")
        store.close()
        writer.join(timeout=5)

    assert not writer.is_alive()
    assert [type(error) for error in caught] == [Closed]


def test_everything_raises_closed_after_close(bench: Bench) -> None:
    store = bench.open()
    store.close()
    store.close()

    for call in (
        lambda: store.read([K1]),
        lambda: store.write([Write(K1, b"1")]),
        lambda: store.commit([Write(K1, b"1")], {}, []),
        lambda: list(store.scan(TABLE, None)),
        lambda: store.drop(TABLE),
    ):
        with pytest.raises(Closed):
            call()


def test_the_text_of_an_error_has_nothing_of_the_client_in_it(bench: Bench) -> None:
    store = bench.open()

    with bench.plan.armed(Fault.REFUSED, verbs=ANY), pytest.raises(Unavailable) as caught:
        store.write([Write(K1, b"s3cret")])

    assert str(caught.value) == "writing 't' failed: unreachable (NotSent)"
