"""What is kept of the calls of a case."""

from __future__ import annotations

import threading

import pytest

import dfbackends
from contract_tests.trace import Trace
from dfbackends import KeyNotFound


def test_calls_are_kept_in_order_without_values() -> None:
    trace = Trace()
    with trace.handle(dfbackends.open("memory:")) as backend:
        backend.db.put("t", "k", {"password": "hunter2"}, topic="red")
        backend.db.put_many("t", {"a": "hunter2", "b": 2})
        backend.db.get_many("t", ["a", "b"])
        with pytest.raises(KeyNotFound):
            backend.db.update("t", "missing", "hunter2", topic="blue")
        backend.pubsub.publish("red", "hunter2")

    assert list(trace.lines()) == [
        "   1  handle 1.db: put(table='t', key='k', topic='red'): done",
        "   2  handle 1.db: put_many(table='t', items=<2>): done",
        "   3  handle 1.db: get_many(table='t', keys=<2>): done",
        "   4  handle 1.db: update(table='t', key='missing', topic='blue'): KeyNotFound",
        "   5  handle 1.pubsub: publish(topic='red'): done",
        "   6  handle 1: close(): done",
    ]


def test_the_last_calls_are_kept_and_long_names_cut() -> None:
    trace = Trace()
    with trace.handle(dfbackends.open("memory:")) as backend:
        for number in range(100):
            backend.db.put("t", f"{number:03}" + "x" * 200, 1)
        kept = list(trace.lines())

    assert len(kept) == 40
    assert kept[-1].startswith(" 100  handle 1.db: put(table='t', key='099xxx")
    assert kept[-1].endswith("'... of 203): done")


def test_a_call_that_has_not_returned_is_there() -> None:
    """With the thread that waits for it."""
    trace, entered, ends = Trace(), threading.Event(), threading.Event()
    with trace.handle(dfbackends.open("memory:")) as backend:
        backend.db.create_table("t")

        def fill() -> None:
            with backend.db.batch() as batch:
                batch.put("t", "k", 1)
                entered.set()
                ends.wait(10)

        call = trace.begin("something")
        thread = threading.Thread(target=fill, name="filler")
        thread.start()
        assert entered.wait(10)
        assert list(trace.lines())[-2:] == ["   2  something: has not returned", "   3  handle 1.db: batch() [filler]: done"]
        call.outcome = "done"
        ends.set()
        thread.join()


def test_a_handle_does_what_it_does_otherwise() -> None:
    with Trace().handle(dfbackends.open("memory:")) as backend:
        assert backend.db is backend.db
        assert backend.db.limits.name > 0
        assert backend.db.put("t", "k", 1) < backend.db.put("t", "k", 2)
        assert [entry.value for entry in backend.db.entries("t")] == [2]
        with backend.mirror("t") as mirror:
            mirror.wait_synced(5)
            assert mirror.get("k") == 2
