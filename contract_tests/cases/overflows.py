"""Handlers that are too slow."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from contract_tests.cases.base import Cases
from contract_tests.clients.inbox import Inbox
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.waiting import FACTOR, SOON, eventually
from dfbackends import Loss, Reason, renew
from dfbackends.backlog import Policy


class OverflowCases(Cases):
    """What is given up, and how that is told."""

    @clause("PS-10")
    @pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
    def test_a_slow_handler(self, store: Store, policy: Policy) -> None:
        """A slow handler: the policy holds, and each loss is told as OVERFLOW, with how many, in its place."""
        inbox, go = Inbox(), threading.Event()

        def handle(topic: str, data: Any) -> None:
            inbox.on_message(topic, data)
            go.wait(SOON * FACTOR)

        slow = store.pubsub.subscribe("t", handle, on_loss=inbox.on_loss, policy=policy, max_messages=10)
        quick = Inbox().subscribe(store.open().pubsub, "t")
        store.pubsub.publish("t", 0)
        inbox.wait(lambda: inbox.data == [0], "the first message")

        for number in range(1, 101):
            store.pubsub.publish("t", number)
        quick.wait_data(list(range(101)))
        eventually(lambda: store.pubsub.health().overflowed >= 90, "90 messages given up")
        go.set()

        kept = list(range(91, 101)) if policy == "drop_oldest" else list(range(1, 11))
        lost = ("loss", Loss(Reason.OVERFLOW, "t", 90))
        expected: list[Any] = [("message", ("t", 0)), *(("message", ("t", number)) for number in kept)]
        expected.insert(1 if policy == "drop_oldest" else 11, lost)
        inbox.wait(lambda: len(inbox.events) >= 12, "the kept messages, and the loss")
        assert inbox.events == expected
        assert slow.live
        store.pubsub.publish("t", "next")
        inbox.wait(lambda: inbox.data[-1] == "next", "the next message")
        assert quick.losses == []

    @clause("PS-10")
    def test_a_slow_handler_is_bounded_in_bytes(self, store: Store) -> None:
        """What waits for a slow handler is bounded in bytes, too."""
        inbox, go = Inbox(), threading.Event()

        def handle(topic: str, data: Any) -> None:
            inbox.on_message(topic, data[0])
            go.wait(SOON * FACTOR)

        store.pubsub.subscribe("t", handle, on_loss=inbox.on_loss, max_bytes=10_000)
        quick = Inbox().subscribe(store.open().pubsub, "t")
        for number in range(101):
            store.pubsub.publish("t", [number, "x" * 1000])
        quick.wait(lambda: len(quick.data) == 101, "all messages")
        eventually(lambda: store.pubsub.health().overflowed >= 90, "90 messages given up")
        assert store.pubsub.health().queued_messages <= 10
        go.set()

        inbox.wait(lambda: inbox.data[-1:] == [100], "the last message")
        assert len(inbox.data) <= 11
        assert sum(loss.missed or 0 for loss in inbox.losses) == 101 - len(inbox.data)
        assert set(inbox.reasons) == {Reason.OVERFLOW}

    @clause("PS-10")
    def test_a_slow_handler_delays_nobody_else(self, store: Store) -> None:
        """With two threads one handler that does not return delays nobody else."""
        backend, go = store.open(threads=2), threading.Event()
        stuck = threading.Event()

        def handle(topic: str, data: Any) -> None:
            stuck.set()
            go.wait(SOON * FACTOR)

        backend.pubsub.subscribe("slow", handle, on_loss=renew)
        inbox = Inbox().subscribe(backend.pubsub, "t")
        try:
            store.pubsub.publish("slow", 1)
            assert stuck.wait(SOON * FACTOR)
            store.pubsub.publish("t", 1)
            inbox.wait_data([1], budget=2)
        finally:
            go.set()
