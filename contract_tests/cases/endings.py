"""Subscriptions that end."""

from __future__ import annotations

import threading
from typing import Any

from contract_tests.cases.base import Cases
from contract_tests.clients.inbox import Inbox
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.waiting import FACTOR, SOON, eventually, never


class EndingCases(Cases):
    """What is delivered after unsubscribe: nothing."""

    @clause("PS-05")
    def test_after_unsubscribe_no_call_starts(self, store: Store) -> None:
        """After unsubscribe has returned no call starts; others go on; twice is harmless."""
        other = store.open().pubsub
        stop = threading.Event()

        def publish() -> None:
            while not stop.wait(0.001):
                other.publish("t", 1)

        publisher = threading.Thread(target=publish)
        publisher.start()
        try:
            staying = Inbox().subscribe(store.pubsub, "t")
            for _ in range(20):
                inbox = Inbox().subscribe(store.pubsub, "t")
                inbox.wait(lambda inbox=inbox: len(inbox.data) > 0, "a message")  # type: ignore[misc]
                assert inbox.subscription is not None
                inbox.subscription.unsubscribe()
                got = len(inbox.events)
                before = len(staying.data)
                staying.wait(lambda before=before: len(staying.data) > before + 3, "more messages")  # type: ignore[misc]
                assert len(inbox.events) == got
                inbox.subscription.unsubscribe()
        finally:
            stop.set()
            publisher.join()

    @clause("PS-05")
    def test_unsubscribe_beside_a_handler_that_runs(self, store: Store) -> None:
        """unsubscribe waits for the call that runs, and what waits behind it is never delivered."""
        inbox, go, inside = Inbox(), threading.Event(), threading.Event()

        def handle(topic: str, data: Any) -> None:
            inside.set()
            go.wait(SOON * FACTOR)
            inbox.on_message(topic, data)

        subscription = store.pubsub.subscribe("t", handle, on_loss=inbox.on_loss)
        store.pubsub.publish_many([("t", number) for number in range(20)])
        assert inside.wait(SOON * FACTOR)
        ending = threading.Thread(target=subscription.unsubscribe)
        ending.start()
        never(lambda: not ending.is_alive(), "unsubscribe returns while the handler runs")
        assert not subscription.live
        go.set()
        ending.join()

        assert inbox.data == [0]
        inbox.stays()

    @clause("PS-05")
    def test_unsubscribe_inside_the_handler(self, store: Store) -> None:
        """A handler that unsubscribes itself gets nothing any more of what waits for it."""
        inbox, go, inside = Inbox(), threading.Event(), threading.Event()

        def handle(topic: str, data: Any) -> None:
            inside.set()
            go.wait(SOON * FACTOR)
            inbox.on_message(topic, data)
            if data == 1:
                subscription.unsubscribe()

        subscription = store.pubsub.subscribe("t", handle, on_loss=inbox.on_loss)
        store.pubsub.publish("t", 0)
        assert inside.wait(SOON * FACTOR)
        store.pubsub.publish_many([("t", number) for number in range(1, 20)])
        eventually(lambda: store.pubsub.health().queued_messages >= 19, "19 messages wait")
        go.set()

        inbox.wait_data([0, 1])
        inbox.stays()
