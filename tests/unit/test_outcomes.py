"""Of writes that go several ways it is told what became of each, whatever became of the others."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from contract_tests.fault import Fault
from contract_tests.faults.faulty import faulty_db
from contract_tests.faults.simulated import Simulated
from contract_tests.plan import ANY, Plan
from contract_tests.waiting import eventually
from dfbackends.api import DbApi, Expect, Key, OpId, Table, Write
from dfbackends.drivers.memory import MemoryDb, shared
from dfbackends.errors import Closed, OutcomeUnknown, Refused, Unavailable
from dfbackends.names import Namespace
from dfbackends.outcomes import Outcome
from dfbackends.reliable import Reliable
from dfbackends.retry import Patience
from tests.drivers.halves import Halves

TABLE = Table("/t", "/t")
KEYS = A, B, C = [Key(TABLE, name) for name in "abc"]
"""The second half has ``b``."""


class Bench:
    """A store in two halves, the plans of these, and the truth."""

    def __init__(self) -> None:
        self.plans = [Plan(str), Plan(str)]
        self.truths: list[DbApi] = [MemoryDb(shared(secrets.token_hex(8))) for _ in self.plans]
        first, second = (faulty_db(truth, Simulated(plan)) for truth, plan in zip(self.truths, self.plans, strict=True))
        patience = Patience(retries=2, deadline=3.0)
        self.store = Reliable(Halves((first, second), "b"), namespace=Namespace(""), patience=patience)

    def write(self, *, expect: Expect = Expect.ABSENT) -> list[Outcome]:
        return self.store.write([Write(key, b"1", expect=expect) for key in KEYS])

    def stored(self) -> list[int | None]:
        """Return the revisions, as they are."""
        records = [self.truths[key is B].read([key])[0] for key in KEYS]
        return [record.revision if record is not None else None for record in records]

    def close(self) -> None:
        self.store.close()
        for truth in self.truths:
            truth.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


def test_where_one_half_refuses_the_others_are_done_and_nothing_is_repeated(bench: Bench) -> None:
    with bench.plans[1].armed(Fault.FULL, verbs=ANY):
        one, refused, other = bench.write()

    assert [one, None, other] == bench.stored()
    assert isinstance(refused, Refused)
    assert refused.code == "full"
    assert isinstance(refused.__cause__, Exception)
    assert bench.plans[1].calls == {"write": 1}


def test_where_one_half_is_away_it_is_tried_again_and_the_others_are_done_once(bench: Bench) -> None:
    with bench.plans[1].armed(Fault.REFUSED, verbs=ANY):
        one, away, other = bench.write()

    assert [one, None, other] == bench.stored()
    assert isinstance(away, Unavailable)
    assert bench.plans[1].calls == {"write": 3}


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.CUT, Fault.LOST_REPLY, Fault.LATE])
def test_where_one_half_comes_back_all_are_done_once(bench: Bench, fault: Fault) -> None:
    bench.plans[1].arm(fault)

    outcomes = bench.write()
    bench.plans[1].release()

    assert outcomes == bench.stored()
    assert None not in outcomes


@pytest.mark.parametrize("fault", [Fault.LOST_REPLY, Fault.LATE])
def test_where_one_half_stays_in_doubt_it_alone_is_asked_for(bench: Bench, fault: Fault) -> None:
    with bench.plans[1].armed(fault):
        one, doubtful, other = bench.write()
    before = bench.stored()
    bench.plans[1].release()

    assert [one, doubtful if isinstance(doubtful, int) else None, other] == before == bench.stored()
    assert isinstance(doubtful, int if fault is Fault.LOST_REPLY else Unavailable)


def test_where_one_half_can_not_be_asked_it_alone_is_unknown_and_learnt_later(bench: Bench) -> None:
    with bench.plans[1].armed(Fault.LOST_REPLY, verbs=["write", "cancel"]):
        one, doubtful, other = bench.write()
    eventually(lambda: bench.store.resolver.unresolved == 0, "the resolver asks until it is answered")

    revisions = bench.stored()
    assert [one, other] == revisions[::2]
    assert isinstance(doubtful, OutcomeUnknown)
    assert doubtful.operation is not None
    assert bench.store.resolve(doubtful.operation, KEYS) == revisions


def test_one_half_that_can_not_be_fenced_keeps_nobody_from_the_answers_of_the_other(bench: Bench) -> None:
    bench.plans[0].arm(Fault.LATE, times=3)

    with bench.plans[1].armed(Fault.FULL, verbs=ANY):
        outcomes = bench.write()
    bench.plans[0].release()

    assert [type(outcome) for outcome in outcomes] == [Unavailable, Refused, Unavailable]
    assert bench.stored() == [None] * 3
    assert bench.store.resolver.unresolved == 0


def test_a_failed_expectation_stays_one_beside_a_half_that_refuses(bench: Bench) -> None:
    bench.truths[0].write([Write(A, b"0")], OpId("before"))

    with bench.plans[1].armed(Fault.FULL, verbs=ANY):
        failed, refused, done = bench.write()

    assert failed is None
    assert isinstance(refused, Refused)
    assert done == bench.stored()[2]


@pytest.mark.parametrize(("fault", "kind"), [(Fault.FULL, Refused), (Fault.REFUSED, Unavailable)])
def test_where_both_fail_none_is_done(bench: Bench, fault: Fault, kind: Any) -> None:
    with bench.plans[0].armed(fault, verbs=ANY), bench.plans[1].armed(fault, verbs=ANY):
        outcomes = bench.write()

    assert [type(outcome) for outcome in outcomes] == [kind] * 3
    assert bench.stored() == [None] * 3


def test_what_was_done_before_closing_is_told(bench: Bench) -> None:
    bench.plans[1].when_struck(bench.store.close)

    with bench.plans[1].armed(Fault.REFUSED, verbs=ANY):
        one, away, other = bench.write()

    assert [one, other] == bench.stored()[::2]
    assert isinstance(away, Closed | Unavailable)
