from __future__ import annotations

import logging
import threading
import time
from functools import partial
from typing import Any

import pytest

from dfbackends.api import Limits, Message
from dfbackends.errors import InvalidName, InvalidValue, OutcomeUnknown, Refused, TooLarge, Unavailable
from dfbackends.loss import Loss, Reason
from tests.drivers.faulty_pubsub import Away, Broker, NoAnswer, NotAllowed
from tests.inbox import Inbox
from tests.pubsubs import Open, opened
from tests.waiting import PATIENCE, background, eventually

__all__ = ["opened"]

GARBAGE = [b"", b"garbage", b"\xff", b'{"v":2,"d":"secret"}', b'{"v":1,"d":']


class TestMessages:
    def test_what_is_published_after_subscribe_has_returned_comes_equal_and_in_order(self, opened: Open) -> None:
        it = opened()
        data: list[Any] = [None, 1, "é", [], {"b": [1.5, True], "a": {}}]
        _, inbox = it.subscribe()

        it.publish(*data)

        assert inbox.count(5) == data
        assert inbox.losses == []

    def test_every_subscriber_gets_data_of_his_own(self, opened: Open) -> None:
        it = opened()
        one, other = it.subscribe()[1], it.subscribe()[1]

        it.publish({"a": []})

        [first], [second] = one.count(1), other.count(1)
        assert first == second == {"a": []}
        assert first is not second
        assert first["a"] is not second["a"]

    def test_a_late_subscriber_gets_no_history_and_no_loss(self, opened: Open) -> None:
        it = opened()
        _, early = it.subscribe()
        it.publish(1, 2)
        early.until(2)

        _, late = it.subscribe()
        it.publish(3)

        assert late.until(3) == [3]
        assert early.until(3) == [1, 2, 3]

    def test_topics_and_namespaces_are_apart(self, opened: Open) -> None:
        it = opened()
        inboxes = {topic: it.subscribe(topic)[1] for topic in ("t", "t*", "t/u", "T", "tt")}
        _, last = it.subscribe("last")

        for topic in inboxes:
            it.publish(topic, topic=topic)
        it.publish("end", topic="last")

        last.until("end")
        assert {topic: inbox.count(1) for topic, inbox in inboxes.items()} == {topic: [topic] for topic in inboxes}
        assert {message.topic for message in it.driver.broker.log} == {f"n/{topic}" for topic in (*inboxes, "last")}

    def test_many_are_published_in_one_call_and_none_in_none(self, opened: Open) -> None:
        it = opened()
        _, inbox = it.subscribe()

        it.pubsub.publish_many([("t", 1), ("u", 0), ("t", 2)])
        it.pubsub.publish_many([])

        assert inbox.count(2) == [1, 2]
        assert len(it.driver.published) == 1

    def test_an_announcement_is_a_message_that_a_store_publishes(self, opened: Open) -> None:
        it = opened()
        _, inbox = it.subscribe()

        it.driver.broker.send([it.pubsub.announcement("t", {"a": 1}), it.pubsub.announcement("t", 2)])

        assert inbox.count(2) == [{"a": 1}, 2]

    @pytest.mark.parametrize("topic", ["", "x" * 300, "\ud800", None, b"t"])
    def test_a_topic_that_is_not_legal_is_refused_before_anything_is_sent(self, opened: Open, topic: Any) -> None:
        it = opened()

        for call in (it.pubsub.publish, it.pubsub.announcement):
            with pytest.raises(InvalidName):
                call(topic, 1)
        with pytest.raises(InvalidName):
            it.pubsub.subscribe(topic, print, on_loss=print)

        assert it.driver.published == []
        assert it.driver.opened == 0

    def test_data_that_are_not_json_are_refused_with_all_that_goes_with_them(self, opened: Open) -> None:
        it = opened()

        with pytest.raises(InvalidValue):
            it.pubsub.publish_many([("t", 1), ("t", {1, 2})])  # type: ignore[list-item]

        assert it.driver.published == []

    def test_a_message_of_the_limit_is_sent_and_one_byte_more_is_not(self, opened: Open) -> None:
        it = opened()
        longest = "x" * (it.pubsub.limits.value - 2)
        _, inbox = it.subscribe()

        it.publish(longest)
        for call in (it.pubsub.publish, it.pubsub.announcement):
            with pytest.raises(TooLarge):
                call("t", longest + "x")

        inbox.until(longest)
        assert len(it.driver.published) == 1
        assert max(len(message.data) for message in it.driver.broker.log) <= Limits().value

    def test_a_topic_of_the_limit_is_one(self, opened: Open) -> None:
        it = opened()
        longest = "x" * it.pubsub.limits.topic

        it.publish(1, topic=longest)

        [message] = it.driver.broker.log
        assert len(message.topic) == Limits().topic
        with pytest.raises(InvalidName):
            it.publish(1, topic=longest + "x")

    def test_publish_raises_what_the_driver_means(self, opened: Open) -> None:
        it = opened(retries=0)
        it.driver.publish_errors.extend([Away(), NoAnswer(), NotAllowed()])

        for kind in (Unavailable, OutcomeUnknown, Refused):
            with pytest.raises(kind):
                it.publish(1)

    @pytest.mark.parametrize("stamped", [True, False])
    def test_nothing_comes_twice_over_repeated_publishes(self, opened: Open, stamped: bool) -> None:
        it = opened(stamped=stamped)
        _, inbox = it.subscribe()
        it.driver.publish_errors.extend([NoAnswer(), NoAnswer(), None, NoAnswer()])

        it.publish(1, 2, 3)

        assert inbox.until(3) == [1, 2, 3]
        assert len(it.driver.broker.log) == 6


class TestHandlers:
    def test_one_that_raises_is_reported_without_values_and_gets_the_next(
        self, opened: Open, caplog: pytest.LogCaptureFixture
    ) -> None:
        it = opened()
        got: list[Any] = []

        def on_message(topic: str, data: Any) -> None:
            got.append(data)
            raise ValueError(data)

        it.pubsub.subscribe("t", on_message, on_loss=print)
        with caplog.at_level(logging.DEBUG):
            it.publish("secret 1", "secret 2")
            eventually(lambda: len(got) == 2)
            eventually(lambda: it.pubsub.health().errors == 2)

        assert "on_message of topic 't' failed: ValueError at test_pubsub.py" in caplog.text
        assert "secret" not in caplog.text

    def test_everything_works_inside_one_with_a_single_thread(self, opened: Open) -> None:
        it = opened()
        inner = Inbox()
        done = threading.Event()

        def on_message(topic: str, data: Any) -> None:
            other = it.pubsub.subscribe("u", inner.on_message, on_loss=inner.on_loss)
            it.pubsub.publish("u", "inner")
            other.renew()
            once.unsubscribe()
            done.set()

        once = it.pubsub.subscribe("t", on_message, on_loss=print)
        it.publish(1, 2)

        assert done.wait(PATIENCE)
        assert inner.until("inner") == ["inner"]
        assert it.pubsub.health().subscriptions == 1

    def test_one_subscription_is_called_once_at_a_time_with_many_threads(self, opened: Open) -> None:
        it = opened(threads=4)
        running = threading.Semaphore(1)
        overlaps: list[int] = []
        done = threading.Event()

        def on_message(topic: str, data: Any) -> None:
            if not running.acquire(blocking=False):
                overlaps.append(data)
            if data == 499:
                done.set()
            running.release()

        it.pubsub.subscribe("t", on_message, on_loss=lambda subscription, loss: overlaps.append(-1))
        it.publish(*range(500))

        assert done.wait(PATIENCE)
        assert overlaps == []

    @pytest.mark.parametrize(
        ("policy", "story"),
        [
            ("drop_oldest", [0, Reason.OVERFLOW, *range(91, 101), "end"]),
            ("drop_newest", [0, *range(1, 11), Reason.OVERFLOW, "end"]),
        ],
    )
    def test_a_slow_one_is_told_what_it_missed_where_it_is_missing(self, opened: Open, policy: str, story: list[Any]) -> None:
        it = opened()
        inbox = Inbox()
        begun, going = threading.Event(), threading.Event()

        def on_message(topic: str, data: Any) -> None:
            begun.set()
            assert going.wait(PATIENCE)
            inbox.on_message(topic, data)

        it.pubsub.subscribe("t", on_message, on_loss=inbox.on_loss, policy=policy, max_messages=10)  # type: ignore[arg-type]
        it.publish(0)
        assert begun.wait(PATIENCE)
        it.publish(*range(1, 101))
        eventually(lambda: it.pubsub.health().overflowed == 90)
        assert it.pubsub.health().queued_messages == 10
        going.set()
        inbox.count(12)
        it.publish("end")

        assert inbox.until("end") == story
        assert inbox.losses == [Loss(Reason.OVERFLOW, "t", 90)]

    def test_a_slow_one_costs_another_nothing(self, opened: Open) -> None:
        it = opened(threads=2)
        going = threading.Event()
        it.pubsub.subscribe("t", lambda topic, data: going.wait(PATIENCE), on_loss=print)
        _, quick = it.subscribe()

        it.publish(*range(100))

        assert quick.until(99) == list(range(100))
        going.set()


class TestUnsubscribing:
    def test_after_it_has_returned_no_call_starts_and_the_one_that_ran_has_ended(self, opened: Open) -> None:
        it = opened()
        begun = threading.Event()
        ended: list[Any] = []

        def on_message(topic: str, data: Any) -> None:
            begun.set()
            threading.Event().wait(0.05)
            ended.append(data)

        subscription = it.pubsub.subscribe("t", on_message, on_loss=print)
        _, other = it.subscribe()
        it.publish(1, 2, 3)
        assert begun.wait(PATIENCE)

        subscription.unsubscribe()

        assert ended == [1]
        it.publish("end")
        other.until("end")
        assert ended == [1]
        assert not subscription.live

    def test_twice_is_harmless_and_a_with_block_does_it(self, opened: Open) -> None:
        it = opened()
        with it.subscribe()[0] as subscription:
            assert subscription.live
        subscription.unsubscribe()

        assert it.pubsub.health().subscriptions == 0
        eventually(lambda: it.driver.feeds[0]._topics == {})

    def test_from_eight_threads_under_traffic_the_final_set_is_right(self, opened: Open) -> None:
        it = opened()
        kept: dict[str, Inbox] = {}
        ending = threading.Event()

        def traffic() -> None:
            while not ending.wait(0.001):
                it.pubsub.publish_many([(f"t{number}", "noise") for number in range(0, 1000, 50)])

        def churn(first: int) -> None:
            for number in range(first, 1000, 8):
                for keep in (False, True):
                    subscription, inbox = it.subscribe(f"t{number}")
                    if keep and number % 2:
                        kept[f"t{number}"] = inbox
                    else:
                        subscription.unsubscribe()

        noise = background(traffic)
        for each in [background(partial(churn, first)) for first in range(8)]:
            assert each() is None
        ending.set()
        assert noise() is None
        it.pubsub.publish_many([(f"t{number}", number) for number in range(1000)])

        assert sorted(kept) == sorted(f"t{number}" for number in range(1, 1000, 2))
        for topic, inbox in kept.items():
            assert inbox.until(int(topic[1:]))[-1] == int(topic[1:])
            assert inbox.losses == []
        assert it.pubsub.health().subscriptions == it.pubsub.health().live == 500
        eventually(lambda: len(it.driver.feeds[0]._topics) == 500)


class TestSubscribing:
    def test_a_denied_topic_is_refused_and_leaves_nothing(self, opened: Open) -> None:
        it = opened()
        it.driver.denied.add("n/t")

        with pytest.raises(Refused):
            it.subscribe()

        assert it.pubsub.health().subscriptions == 0
        assert it.pubsub._delivery._recipients == set()

    def test_without_a_confirmation_by_the_deadline_it_is_unavailable(self, opened: Open) -> None:
        it = opened(deadline=0.1)
        it.driver.confirms = False
        began = time.monotonic()

        with pytest.raises(Unavailable):
            it.subscribe()

        assert time.monotonic() - began < 1.0

    @pytest.mark.parametrize("bad", [{"policy": "newest"}, {"max_messages": 0}, {"max_bytes": -1}, {"policy": None}])
    def test_options_that_make_no_sense_are_refused_before_anything_is_sent(self, opened: Open, bad: dict[str, Any]) -> None:
        it = opened()

        with pytest.raises(ValueError, match=r"policy|at least"):
            it.subscribe(**bad)

        assert it.driver.opened == 0


class TestGarbage:
    @pytest.mark.parametrize("stamped", [True, False])
    def test_it_is_counted_and_skipped_and_nobody_resubscribes(
        self, opened: Open, stamped: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        it = opened(stamped=stamped)
        _, inbox = it.subscribe()
        it.publish(1)

        it.driver.broker.send([Message("n/t", garbage) for garbage in GARBAGE])
        it.publish(2)

        assert inbox.until(2) == [1, 2]
        assert it.pubsub.health().malformed == len(GARBAGE)
        assert it.pubsub.health().breaks == 0
        assert "secret" not in caplog.text
        assert caplog.text.count("was skipped") == 1

    def test_data_that_are_no_json_are_told_as_missing(self, opened: Open, caplog: pytest.LogCaptureFixture) -> None:
        it = opened()
        _, inbox = it.subscribe()

        bad = [b'{"v":1,"d":secret}', b'{"v":1,"d":"\xff"}', b'{"v":1,"d":1},{"d":2}', b'{"v":1,"d":%b}' % (b"[" * 9999)]
        it.driver.broker.send([Message("n/t", each) for each in bad])
        it.publish(2)

        assert inbox.until(2) == [Reason.GAP] * len(bad) + [2]
        assert it.pubsub.health().malformed == len(bad)
        assert "secret" not in caplog.text


def test_two_clients_hear_each_other(opened: Open) -> None:
    broker = Broker()
    one, other = opened(broker), opened(broker)
    _, inbox = one.subscribe()

    other.publish(1)
    one.publish(2)

    assert inbox.count(2) == [1, 2]


def test_health_tells_what_is_going_on(opened: Open) -> None:
    it = opened()
    idle = it.pubsub.health()
    _, inbox = it.subscribe()
    it.publish(1, 2)
    inbox.until(2)

    health = it.pubsub.health()

    assert not idle.connected
    assert idle.silent is None
    assert health.connected
    assert health.silent is not None
    assert 0.0 <= health.silent < PATIENCE
    assert (health.code, health.subscriptions, health.live, health.threads) == (None, 1, 1, 1)
    assert (health.delivered, health.queued_messages, health.queued_bytes, health.stuck) == (2, 0, 0, ())
