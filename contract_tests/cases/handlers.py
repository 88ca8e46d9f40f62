"""What handlers may do, and what they can not do to others."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from contract_tests.cases.base import Cases
from contract_tests.clients.inbox import Inbox
from contract_tests.counts import Counts
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.waiting import FACTOR, SOON, eventually
from dfbackends import Loss, Subscription, renew


class HandlerCases(Cases):
    """Handlers of messages and of losses."""

    @clause("PS-07")
    def test_a_handler_that_raises(self, store: Store, caplog: pytest.LogCaptureFixture) -> None:
        """A handler that raises is reported, and gets the next message; others get all; the thread lives."""
        threads: set[str] = set()

        def fail(topic: str, data: Any) -> None:
            inbox.on_message(topic, data)
            threads.add(threading.current_thread().name)
            raise ValueError(data)

        inbox, other = Inbox(), Inbox().subscribe(store.pubsub, "t")
        store.pubsub.subscribe("t", fail, on_loss=inbox.on_loss)
        with caplog.at_level(logging.WARNING):
            for number in range(3):
                store.pubsub.publish("t", number)
            inbox.wait_data([0, 1, 2])
            other.wait_data([0, 1, 2])
            eventually(lambda: sum("ValueError" in record.getMessage() for record in caplog.records) > 0, "a report")

        assert len(threads) == 1
        assert inbox.losses == []

    @clause("PS-08")
    def test_everything_works_inside_a_handler(self, store: Store) -> None:
        """publish, subscribe, unsubscribe, and reading and writing the database work inside a handler."""
        answers, inner = Inbox().subscribe(store.pubsub, "answers"), Inbox()
        failures: list[Exception] = []

        def handle(topic: str, data: Any) -> None:
            try:
                if data == "subscribe":
                    inner.subscribe(store.pubsub, "inner")
                elif data == "unsubscribe":
                    assert inner.subscription is not None
                    inner.subscription.unsubscribe()
                elif data == "leave":
                    subscription.unsubscribe()
                else:
                    store.db.put("t", "k", data)
                store.pubsub.publish("answers", data)
            except Exception as error:  # noqa: BLE001 - raised again below
                failures.append(error)

        subscription = store.pubsub.subscribe("t", handle, on_loss=renew)
        for data in ("subscribe", "write", "unsubscribe", "leave", "nobody"):
            store.pubsub.publish("t", data)
            if data == "nobody":
                break
            answers.wait(lambda data=data: data in answers.data or failures != [], data)  # type: ignore[misc]
            assert failures == []
            store.pubsub.publish("inner", f"after {data}")
            if data in ("subscribe", "write"):
                inner.wait(lambda data=data: f"after {data}" in inner.data, data)  # type: ignore[misc]

        answers.stays()
        assert answers.data == ["subscribe", "write", "unsubscribe", "leave"]
        assert inner.data == ["after subscribe", "after write"]
        assert store.db.get("t", "k") == "write"

    @clause("PS-08")
    def test_close_inside_a_handler(self, store: Store) -> None:
        """close works inside a handler."""
        backend = store.open()
        closed = threading.Event()

        def handle(topic: str, data: Any) -> None:
            backend.close()
            closed.set()

        backend.pubsub.subscribe("t", handle, on_loss=renew)
        store.pubsub.publish("t", 1)

        assert closed.wait(SOON * FACTOR)

    @clause("PS-09")
    def test_handlers_run_one_at_a_time(self, store: Store, counts: Counts) -> None:
        """Handlers of one subscription run one at a time, in order, also with several threads."""
        backend = store.open(threads=4)
        inside: dict[str, list[str]] = {"a": [], "b": [], "c": []}
        overlaps: list[str] = []
        seen: dict[str, list[int]] = {"a": [], "b": [], "c": []}
        done = threading.Semaphore(0)

        def handle(topic: str, data: Any) -> None:
            inside[topic].append(threading.current_thread().name)
            if len(inside[topic]) > 1:
                overlaps.append(topic)
            seen[topic].append(data)
            threading.Event().wait(0.003)
            inside[topic].remove(threading.current_thread().name)
            done.release()

        for topic in seen:
            backend.pubsub.subscribe(topic, handle, on_loss=renew)
        for number in range(counts.messages // 10):
            for topic in seen:
                store.pubsub.publish(topic, number)

        for _ in range(3 * (counts.messages // 10)):
            assert done.acquire(timeout=SOON * FACTOR)
        assert overlaps == []
        assert seen == {topic: list(range(counts.messages // 10)) for topic in seen}

    @clause("PS-07")
    def test_a_loss_handler_may_do_anything(self, store: Store) -> None:
        """on_loss may call the backend, and one that raises does not end the subscription."""
        inbox, go = Inbox(), threading.Event()
        subscriptions: list[Subscription] = []

        def handle(topic: str, data: Any) -> None:
            inbox.on_message(topic, data)
            go.wait(SOON * FACTOR)

        def on_loss(subscription: Subscription, loss: Loss) -> None:
            inbox.on_loss(subscription, loss)
            subscriptions.append(subscription)
            store.db.put("t", "lost", loss.missed)
            raise ValueError

        subscription = store.pubsub.subscribe("t", handle, on_loss=on_loss, max_messages=1)
        quick = Inbox().subscribe(store.open().pubsub, "t")
        for number in range(10):
            store.pubsub.publish("t", number)
        quick.wait(lambda: len(quick.data) == 10, "all messages")
        eventually(lambda: store.pubsub.health().overflowed >= 8, "8 messages given up")
        go.set()

        inbox.wait(lambda: inbox.data[-1:] == [9], "the last message")
        assert subscriptions[0] is subscription
        assert store.db.get("t", "lost") == inbox.losses[-1].missed
