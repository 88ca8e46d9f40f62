"""The life of a backend: it opens, tells how it is, and closes, whatever goes on."""

from __future__ import annotations

import os
import pickle
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

import dfbackends
from contract_tests.fault import Fault
from contract_tests.faults.faulty import FaultyDb, faulty_db
from contract_tests.faults.simulated import Simulated
from contract_tests.plan import ANY, Plan
from contract_tests.waiting import eventually
from dfbackends import errors
from dfbackends.api import Driver
from dfbackends.config import Choice
from dfbackends.drivers.memory import MemoryDb, MemoryPubSub, shared
from dfbackends.opening import opened_driver


@pytest.fixture
def plan() -> Plan:
    return Plan(lambda topic: f"/{topic}")


@pytest.fixture
def backend(plan: Plan) -> Iterator[dfbackends.Backend]:
    store = shared(secrets.token_hex(8))
    with dfbackends.assemble(
        faulty_db(MemoryDb(store), Simulated(plan)), MemoryPubSub(store), deadline=2.0, atomic=True
    ) as backend:
        yield backend


def test_opening_waits_for_a_store_that_comes_later(plan: Plan, backend: dfbackends.Backend) -> None:
    plan.arm(Fault.REFUSED, verbs=["read"], times=6)

    backend.ready(wait=30)

    assert plan.calls["read"] >= 7


def test_opening_does_not_wait_for_a_store_that_says_no(plan: Plan, backend: dfbackends.Backend) -> None:
    with plan.armed(Fault.UNAUTHENTICATED, verbs=ANY), pytest.raises(dfbackends.Refused) as caught:
        backend.ready(wait=30)

    assert caught.value.code == "unauthenticated"
    assert plan.calls["read"] == 1


def test_health_tells_whether_the_store_answers(plan: Plan, backend: dfbackends.Backend) -> None:
    assert backend.health().read is None
    assert backend.health().well
    with plan.armed(Fault.OVERLOADED, verbs=ANY):
        assert backend.health().read == "overloaded"
        assert not backend.health().well


def test_health_counts_what_is_unresolved(plan: Plan, backend: dfbackends.Backend) -> None:
    backend.db.put("t", "k", 1)
    plan.arm(Fault.LOST_REPLY, verbs=["write", "cancel"], times=1 << 30)

    with pytest.raises(dfbackends.OutcomeUnknown) as caught:
        backend.db.put("t", "k", 2)

    assert backend.health().unresolved == 1
    plan.mend()
    eventually(lambda: backend.health().unresolved == 0, "the resolver has asked")
    assert backend.db.resolve(caught.value) is True


def test_a_second_caller_of_close_returns_when_all_is_closed(backend: dfbackends.Backend) -> None:
    closers = [threading.Thread(target=backend.close) for _ in range(10)]
    for closer in closers:
        closer.start()
    for closer in closers:
        closer.join(timeout=10)

    assert not any(closer.is_alive() for closer in closers)
    with pytest.raises(dfbackends.Closed):
        backend.health()
    assert "closed" in repr(backend)


def test_a_handler_may_close_the_backend(backend: dfbackends.Backend) -> None:
    closed = threading.Event()

    def on_message(topic: str, data: object) -> None:
        backend.close()
        closed.set()

    backend.pubsub.subscribe("t", on_message, on_loss=dfbackends.renew)
    backend.pubsub.publish("t", 1)

    assert closed.wait(10)
    eventually(lambda: not any(thread.name.startswith("dfbackends-") for thread in threading.enumerate()), "threads end")


def test_a_child_gets_closed_and_the_parent_loses_nothing(backend: dfbackends.Backend) -> None:
    heard: list[object] = []
    backend.db.put("t", "k", 1)
    backend.pubsub.subscribe("t", lambda topic, data: heard.append(data), on_loss=dfbackends.renew)

    child = os.fork()
    if child == 0:
        signal.alarm(20)
        calls: list[Callable[[], object]] = [
            lambda: backend.db.get("t", "k"),
            lambda: backend.db.put("t", "k", 2),
            lambda: backend.pubsub.publish("t", 2),
            lambda: backend.pubsub.subscribe("t", print, on_loss=dfbackends.renew),
            lambda: backend.health(),
        ]
        refused = 0
        for call in calls:
            try:
                call()
            except dfbackends.Closed:
                refused += 1
        backend.close()
        os._exit(0 if refused == len(calls) else 1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert backend.db.get("t", "k") == 1
    backend.pubsub.publish("t", 3)
    eventually(lambda: heard == [3], "the parent's subscription goes on")


def test_messages_over_the_store_are_polled_for_where_no_carrier_is_given(plan: Plan) -> None:
    heard: list[object] = []
    with dfbackends.assemble(FaultyDb(MemoryDb(shared(secrets.token_hex(8))), Simulated(plan))) as backend:
        backend.pubsub.subscribe("t", lambda topic, data: heard.append(data), on_loss=dfbackends.renew)
        backend.db.create("t", "k", 1, announce=("t", "created"))

        eventually(lambda: heard == ["created"], "the announcement arrives")
        assert not backend.db.transactional


def test_closing_ends_in_time_while_the_store_is_frozen(plan: Plan, backend: dfbackends.Backend) -> None:
    backend.db.put("t", "k", 1)
    plan.arm(Fault.FROZEN, verbs=ANY, times=1 << 30)

    def write() -> None:
        with pytest.raises(dfbackends.Error):
            backend.db.put("t", "k", 2)

    caller = threading.Thread(target=write)
    caller.start()
    eventually(lambda: plan.calls["write"] > 1, "the call has begun")

    began = time.monotonic()
    backend.close()
    assert time.monotonic() - began < 5
    caller.join(timeout=10)
    assert not caller.is_alive()


@pytest.mark.parametrize(
    "error",
    [
        errors.KeyNotFound("t", "k"),
        errors.KeyExists("t", "k"),
        errors.Conflict("x"),
        errors.Closed(),
        errors.InvalidName("x"),
        errors.TooLarge("x"),
        errors.Unavailable("x", code="unreachable"),
        errors.OutcomeUnknown("x", code="protocol", operation=errors.Operation("id", (("t", "k"),), 1.0)),
        errors.RollbackFailed("x", code="full", keys=[("t", "k")]),
        errors.PartlyDone("x", done={"a": 1}, failed={"b": errors.Refused("y", code="full")}),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_error_survives_pickling(error: errors.Error) -> None:
    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert repr(vars(copy)) == repr(vars(error))


def test_opening_is_never_in_doubt() -> None:
    def broken(values: Mapping[str, Any], deadline: float) -> MemoryDb:
        raise RuntimeError

    with pytest.raises(dfbackends.Unavailable) as caught:
        opened_driver(Choice("x", Driver(MemoryDb, broken), {}), 1.0)

    assert isinstance(caught.value.__cause__, RuntimeError)
