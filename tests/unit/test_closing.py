from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from typing import Any

import pytest

from dfbackends.errors import Closed
from dfbackends.loss import Reason
from dfbackends.pubsub import PubSubHealth
from tests.drivers.faulty_pubsub import Away
from tests.pubsubs import Client, Open, opened, own_threads
from tests.waiting import PATIENCE, background, eventually

__all__ = ["opened"]

LONGEST = 5.0


def closing_takes(client: Client, within: float = 4.5) -> float:
    began = time.monotonic()
    client.pubsub.close(within)
    return time.monotonic() - began


class TestClosing:
    def test_it_is_idempotent_and_safe_from_ten_threads(self, opened: Open) -> None:
        it = opened()
        it.subscribe()
        it.publish(1)

        for each in [background(it.pubsub.close) for _ in range(10)]:
            assert each() is None
        it.pubsub.close()

        assert own_threads() == []
        assert it.driver.feeds == []
        assert not it.driver.closed

    def test_everything_raises_closed_afterwards_and_giving_up_is_harmless(self, opened: Open) -> None:
        it = opened()
        subscription, inbox = it.subscribe()
        it.pubsub.close()

        for call in (
            lambda: it.publish(1),
            lambda: it.pubsub.publish_many([]),
            lambda: it.pubsub.announcement("t", 1),
            it.subscribe,
            subscription.renew,
        ):
            with pytest.raises(Closed):
                call()
        subscription.unsubscribe()
        it.pubsub.close()

        assert not subscription.live
        assert it.pubsub.health().subscriptions == 0
        assert inbox.story == []

    def test_from_inside_a_handler_with_others_closing_too(self, opened: Open) -> None:
        it = opened(threads=2)
        done = threading.Event()
        took: list[float] = []

        def on_message(topic: str, data: Any) -> None:
            took.append(closing_takes(it))
            done.set()

        it.pubsub.subscribe("t", on_message, on_loss=print)
        it.pubsub.subscribe("t", on_message, on_loss=print)
        it.publish(1)
        assert done.wait(PATIENCE)
        it.pubsub.close()

        assert max(took) < 2.0
        eventually(lambda: own_threads() == [])

    def test_messages_that_wait_are_not_delivered_any_more(self, opened: Open) -> None:
        it = opened()
        got: list[Any] = []
        begun = threading.Event()

        def on_message(topic: str, data: Any) -> None:
            begun.set()
            threading.Event().wait(0.05)
            got.append(data)

        it.pubsub.subscribe("t", on_message, on_loss=print)
        it.publish(1, 2, 3)
        assert begun.wait(PATIENCE)

        it.pubsub.close()

        seen = list(got)
        assert len(seen) < 3
        assert it.pubsub.health().threads == 0
        assert got == seen

    def test_a_handler_that_does_not_end_is_left_and_named_in_the_log_and_by_health(
        self, opened: Open, caplog: pytest.LogCaptureFixture
    ) -> None:
        it = opened()
        begun, going = threading.Event(), threading.Event()

        def on_message(topic: str, data: Any) -> None:
            begun.set()
            going.wait(PATIENCE)

        it.pubsub.subscribe("t", on_message, on_loss=print)
        it.publish("secret")
        assert begun.wait(PATIENCE)

        with caplog.at_level(logging.DEBUG):
            assert closing_takes(it, within=0.2) < 1.0

        [stuck] = it.pubsub.health().stuck
        assert stuck.endswith("on_message of topic 't'")
        assert f"{stuck} has not ended; it stays on its thread dfbackends-handler-1" in caplog.text
        assert "secret" not in caplog.text
        assert own_threads() == ["dfbackends-handler-1"]
        going.set()
        eventually(lambda: own_threads() == [])
        assert it.pubsub.health().stuck == ()

    @pytest.mark.parametrize("state", ["down", "deaf", "frozen", "unconfirmed", "never opened"])
    def test_it_ends_in_time_whatever_the_backend_does(self, opened: Open, state: str) -> None:
        it = opened()
        waiting = None
        if state != "never opened":
            _, inbox = it.subscribe()
            it.publish(1)
            inbox.until(1)
        if state == "down":
            it.driver.listen_error = Away()
            it.driver.break_line()
            inbox.until(Reason.DOWN)
            waiting = background(lambda: it.subscribe("u"))
        elif state == "unconfirmed":
            it.driver.change(confirms=False)
            waiting = background(lambda: it.subscribe("u"))
            eventually(lambda: it.driver.feeds[0]._asked)
        elif state == "deaf":
            it.driver.change(deaf=True)
        elif state == "frozen":
            it.driver.publishing.clear()
            waiting = background(lambda: it.publish(2))
            eventually(lambda: len(it.driver.published) == 2)

        took = closing_takes(it)

        assert took < LONGEST
        assert [name for name in own_threads() if "heartbeats" not in name] == []
        it.driver.publishing.set()
        if waiting is not None:
            assert isinstance(waiting(), Closed) or state == "frozen"

    def test_two_hundred_openings_and_closings_leak_nothing(self, opened: Open) -> None:
        references = []
        for number in range(200):
            it = Client()
            inbox = it.subscribe()[1]
            it.publish(number)
            inbox.until(number)
            it.pubsub.close()
            references.append(weakref.ref(it.pubsub))
        del it

        gc.collect()

        assert [reference for reference in references if reference() is not None] == []
        assert own_threads() == []


class TestFork:
    def test_the_child_gets_closed_without_touching_locks_and_the_parent_loses_nothing(self, opened: Open) -> None:
        it = opened()
        subscription, inbox = it.subscribe()
        it.publish(1)
        inbox.until(1)
        # As if other threads held every lock in the moment of the fork.
        locks = [
            it.pubsub._lock,
            it.pubsub._delivery._lock,
            it.pubsub._audience._lock,
            it.pubsub._publisher._lock,
            it.pubsub._publisher._heartbeats._changed,
            it.pubsub._line._lock,
            it.pubsub._line._topics._sending,
            it.pubsub._line._topics._changed,
            subscription._hearer.renewing,
        ]
        for lock in locks:
            lock.acquire()
        child = os.fork()
        if child == 0:
            it.pubsub.abandon()
            os._exit(0 if _all_is_closed(it, subscription) else 1)
        for lock in locks:
            lock.release()

        assert _exit_code(child) == 0
        it.publish(2)
        assert inbox.until(2) == [1, 2]


def _all_is_closed(it: Client, subscription: Any) -> bool:
    for call in (lambda: it.publish(1), lambda: it.pubsub.announcement("t", 1), it.subscribe, subscription.renew):
        try:
            call()
        except Closed:
            continue
        return False
    subscription.unsubscribe()
    it.pubsub.close()
    return it.pubsub.health() == PubSubHealth() and len(it.driver.feeds) == 1


def _exit_code(child: int) -> int:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        threading.Event().wait(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    raise AssertionError("the child waits for a lock of its parent")


def test_a_live_subscriber_does_not_keep_the_interpreter_from_ending() -> None:
    script = """
        from tests.pubsubs import Client

        it = Client(heartbeats=(0.5, 60.0))
        _, inbox = it.subscribe()
        it.publish(1)
        inbox.until(1)
        print("done")
    """

    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], timeout=30, capture_output=True, text=True, check=False
    )

    assert (found.stdout, found.stderr, found.returncode) == ("done\n", "", 0)
