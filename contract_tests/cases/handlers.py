"""What handlers may do, and what they can not do to others."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import Any

import pytest

from contract_tests.cases.base import Cases
from contract_tests.clients.inbox import Inbox
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.waiting import FACTOR, SOON, eventually, never
from dfbackends import Loss, Subscription, renew

ROUNDS = 3


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
    def test_handlers_run_one_at_a_time(self, store: Store) -> None:
        """Handlers of one subscription run one at a time, in order, also with several threads."""
        backend = store.open(threads=4)
        heard = {topic: Inbox() for topic in ("a", "b", "c")}
        inside: Counter[str] = Counter()
        overlaps: list[tuple[str, Any]] = []
        # Guards the two above.
        lock = threading.Lock()
        entered, go_on = threading.Semaphore(0), threading.Semaphore(0)

        def handle(topic: str, data: Any) -> None:
            with lock:
                inside[topic] += 1
                if inside[topic] > 1:
                    overlaps.append((topic, data))
            if topic == "a" and data % 10 == 0:
                entered.release()
                go_on.acquire(timeout=SOON * FACTOR)
            heard[topic].on_message(topic, data)
            with lock:
                inside[topic] -= 1

        for topic in heard:
            backend.pubsub.subscribe(topic, handle, on_loss=renew)
        for first in range(0, ROUNDS * 10, 10):
            store.pubsub.publish("a", first)
            assert entered.acquire(timeout=SOON * FACTOR)
            for number in range(first + 1, first + 10):
                for topic in heard:
                    store.pubsub.publish(topic, number)
            # By then there was a thread for all of these; it is one of the same four that would have called again.
            for topic in ("b", "c"):
                heard[topic].wait(lambda topic=topic, last=first + 9: heard[topic].data[-1:] == [last], "the others")  # type: ignore[misc]
            try:
                never(lambda: bool(overlaps), "a call starts while another one of the subscription runs")
            finally:
                go_on.release()

        heard["a"].wait_data(list(range(ROUNDS * 10)))
        assert heard["b"].data == heard["c"].data == [number for number in range(ROUNDS * 10) if number % 10]
        assert overlaps == []

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
