from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dfbackends.backlog import Backlog
from dfbackends.delivery import Delivery, Recipient
from dfbackends.loss import Loss, Reason
from tests.waiting import PATIENCE, eventually

Made = Callable[..., Delivery]


@pytest.fixture
def made() -> Iterator[Made]:
    open_: list[Delivery] = []

    def make(**options: Any) -> Delivery:
        open_.append(Delivery(**options))
        return open_[-1]

    yield make
    for each in open_:
        each.close(time.monotonic() + PATIENCE)


class Hands:
    """A recipient that keeps what it gets, and can be held up."""

    def __init__(self, served: Delivery, *, messages: int = 1000, name: str = "it") -> None:
        self.got: list[bytes | Loss] = []
        self.begun = threading.Event()
        self.going = threading.Event()
        self.going.set()
        backlog = Backlog("t", policy="drop_oldest", max_messages=messages, max_bytes=1 << 30)
        self.recipient = Recipient(name, backlog, self.hand)
        served.start(self.recipient)

    def hand(self, item: bytes | Loss) -> None:
        self.begun.set()
        assert self.going.wait(PATIENCE)
        self.got.append(item)

    def held_up(self, served: Delivery) -> None:
        self.going.clear()
        served.put([((self.recipient,), b"first")])
        assert self.begun.wait(PATIENCE)


def put(served: Delivery, hands: Hands, *items: bytes | Loss) -> None:
    served.put([((hands.recipient,), item) for item in items])


def test_each_recipient_gets_everything_in_order(made: Made) -> None:
    served = made()
    one, other = Hands(served), Hands(served)
    items = [b"%d" % number for number in range(500)]

    served.put([((one.recipient, other.recipient), item) for item in items])

    eventually(lambda: len(one.got) == len(other.got) == 500)
    assert one.got == other.got == items


def test_a_handler_that_raises_is_counted_and_gets_the_next_message(made: Made, caplog: pytest.LogCaptureFixture) -> None:
    served = made()
    hands = Hands(served)
    first = threading.Event()

    def hand(item: bytes | Loss) -> None:
        if not first.is_set():
            first.set()
            raise SystemExit("secret")
        hands.hand(item)

    hands.recipient.hand = hand
    put(served, hands, b"secret", b"next")

    eventually(lambda: hands.got == [b"next"])
    assert served.load().errors == 1
    assert "it failed: SystemExit at test_delivery.py" in caplog.text
    assert "secret" not in caplog.text


def test_one_call_at_a_time_for_each_recipient_with_many_threads(made: Made) -> None:
    served = made(threads=4)
    calls: list[int] = []
    running = 0

    def hand(item: bytes | Loss) -> None:
        nonlocal running
        running += 1
        calls.append(running)
        running -= 1

    hands = Hands(served, messages=2000)
    hands.recipient.hand = hand
    for _ in range(2000):
        put(served, hands, b"x")

    eventually(lambda: len(calls) == 2000)
    assert set(calls) == {1}


def test_a_slow_handler_delays_nobody_while_a_thread_is_free(made: Made) -> None:
    served = made(threads=2)
    slow, quick = Hands(served), Hands(served)
    slow.held_up(served)

    put(served, quick, b"1", b"2")

    eventually(lambda: quick.got == [b"1", b"2"])
    slow.going.set()


def test_a_flooded_recipient_leaves_the_thread_to_others_in_between(made: Made) -> None:
    served = made()
    flooded, other = Hands(served, messages=100_000), Hands(served)
    turn = threading.Event()

    def hand(item: bytes | Loss) -> None:
        turn.wait(0.002)
        flooded.got.append(item)

    flooded.recipient.hand = hand
    put(served, flooded, *[b"x"] * 5000)
    put(served, other, b"y")

    eventually(lambda: other.got, 1.0)
    assert len(flooded.got) < 1000
    turn.set()


def test_the_reader_never_waits_and_what_is_dropped_is_told_in_its_place(made: Made) -> None:
    served = made()
    hands = Hands(served, messages=10)
    hands.held_up(served)

    put(served, hands, *[b"%d" % number for number in range(100)])
    assert served.load().messages == 10
    hands.going.set()

    eventually(lambda: len(hands.got) == 12)
    assert hands.got == [b"first", Loss(Reason.OVERFLOW, "t", 90), *[b"%d" % number for number in range(90, 100)]]
    assert served.load().overflowed == 90


def test_the_sum_is_bounded_and_the_largest_backlog_pays_for_it(made: Made) -> None:
    served = made(most=1 << 20)
    large, small = Hands(served), Hands(served)
    large.held_up(served)
    put(served, small, b"s" * 1000)

    put(served, large, *[b"l" * 10_000] * 500)

    assert served.load().bytes <= 1 << 20
    large.going.set()
    eventually(lambda: small.got == [b"s" * 1000])
    eventually(lambda: served.load().messages == 0)
    [notice] = [item for item in large.got if isinstance(item, Loss)]
    assert notice.reason is Reason.OVERFLOW
    assert notice.missed == 501 - (len(large.got) - 1)
    assert large.got[1] == notice


def test_the_sum_is_right_after_everything(made: Made) -> None:
    served = made(threads=3)
    hands = [Hands(served, messages=20) for _ in range(20)]
    for number in range(300):
        served.put([([each.recipient for each in hands], b"%d" % number)])
        if number % 30 == 29:
            served.stop(hands.pop().recipient)

    eventually(lambda: served.load().messages == 0)
    eventually(lambda: served._load == 0)


def test_after_stopping_no_call_starts_and_waiting_ends_with_the_call_that_runs(made: Made) -> None:
    served = made()
    hands = Hands(served)
    hands.held_up(served)
    put(served, hands, b"second")

    served.stop(hands.recipient)
    threading.Timer(0.05, hands.going.set).start()
    served.wait(hands.recipient, time.monotonic() + PATIENCE)

    assert hands.got == [b"first"]
    other = Hands(served)
    put(served, other, b"x")
    eventually(lambda: other.got == [b"x"])
    assert hands.got == [b"first"]


def test_a_handler_that_stops_itself_does_not_wait_for_itself(made: Made) -> None:
    served = made()
    hands = Hands(served)
    done = threading.Event()

    def hand(item: bytes | Loss) -> None:
        served.stop(hands.recipient)
        served.wait(hands.recipient, time.monotonic() + PATIENCE)
        done.set()

    hands.recipient.hand = hand
    put(served, hands, b"x")

    assert done.wait(2.0)


def test_a_call_that_does_not_end_is_named(made: Made, caplog: pytest.LogCaptureFixture) -> None:
    served = made(stuck=0.05)
    hands = Hands(served, name="the handler f of topic 't'")
    hands.held_up(served)
    assert served.load().stuck == ()

    eventually(lambda: served.load().stuck == ("the handler f of topic 't'",))
    with caplog.at_level(logging.WARNING):
        served.close(time.monotonic() + 0.05)

    assert "the handler f of topic 't' has not ended; it stays on its thread dfbackends-handler-1" in caplog.text
    assert served.load().stuck == ("the handler f of topic 't'",)
    hands.going.set()
    eventually(lambda: served.load().threads == 0)
    assert served.load().stuck == ()


def test_closing_leaves_no_thread_and_delivers_nothing_more(made: Made) -> None:
    served = made(threads=3)
    hands = Hands(served)

    served.close(time.monotonic() + PATIENCE)
    put(served, hands, b"x")

    assert served.load().threads == 0
    assert hands.got == []


def test_threads_start_with_the_first_recipient(made: Made) -> None:
    served = made(threads=2)
    assert served.load().threads == 0

    Hands(served)

    assert served.load().threads == 2
    with pytest.raises(ValueError, match="at least 1"):
        Delivery(threads=0)
