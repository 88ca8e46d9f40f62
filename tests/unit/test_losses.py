from __future__ import annotations

import threading
import time
from itertools import repeat
from typing import Any

import pytest

from dfbackends.errors import Unavailable
from dfbackends.loss import Loss, Reason
from dfbackends.subscription import Subscription, renew
from tests.drivers.faulty_pubsub import Away, Broker, OnTheWire, WrongPassword
from tests.inbox import Inbox
from tests.pubsubs import FAST, Open, opened
from tests.waiting import PATIENCE, eventually

__all__ = ["opened"]

DOWN, RESUMED, RECOVERED, GAP, OVERFLOW = Reason.DOWN, Reason.RESUMED, Reason.RECOVERED, Reason.GAP, Reason.OVERFLOW
PASS: OnTheWire = "pass"
BOTH = pytest.mark.parametrize("stamped", [True, False], ids=["stamped", "unstamped"])


class TestALineThatCanNotGoOn:
    def test_each_subscription_is_told_down_and_recovered_once_and_gets_nothing_until_it_is_renewed(self, opened: Open) -> None:
        it = opened()
        subscriptions = [it.subscribe(topic, renews=False) for topic in ("t", "t", "u")]
        it.publish(1)
        subscriptions[0][1].until(1)

        it.driver.break_line()
        for subscription, inbox in subscriptions:
            inbox.until(RECOVERED)
            assert not subscription.live
        it.publish("not subscribed")
        for subscription, _ in subscriptions:
            subscription.renew()
            assert subscription.live
        it.publish(2)
        it.publish(2, topic="u")

        for _, inbox in subscriptions:
            assert inbox.until(2)[-3:] == [DOWN, RECOVERED, 2]
            assert inbox.losses == [
                Loss(DOWN, inbox.losses[0].topic, code="unreachable"),
                Loss(RECOVERED, inbox.losses[0].topic),
            ]

    def test_what_came_before_is_delivered_before_down(self, opened: Open) -> None:
        it = opened()
        it.driver.loses = False
        going = threading.Event()
        inbox = Inbox()

        def on_message(topic: str, data: Any) -> None:
            assert going.wait(PATIENCE)
            inbox.on_message(topic, data)

        it.pubsub.subscribe("t", on_message, on_loss=inbox.on_loss)
        it.publish(*range(100))
        it.driver.break_line()
        eventually(lambda: it.pubsub.health().breaks == 1)
        going.set()

        assert inbox.until(RECOVERED) == [*range(100), DOWN, RECOVERED]

    def test_down_is_told_at_once_and_recovered_only_when_the_line_works(self, opened: Open) -> None:
        it = opened()
        subscription, inbox = it.subscribe()
        it.driver.listen_error = Away()
        began = time.monotonic()

        it.driver.break_line()

        inbox.until(DOWN)
        assert time.monotonic() - began < 1.0
        eventually(lambda: it.driver.opened > 5)
        assert inbox.story == [DOWN]
        health = it.pubsub.health()
        assert (health.connected, health.code, health.subscriptions, health.live) == (False, "unreachable", 1, 0)
        it.driver.listen_error = None
        inbox.until(RECOVERED)
        eventually(lambda: subscription.live)
        assert it.pubsub.health().code is None

    def test_health_tells_why_it_stays_down(self, opened: Open) -> None:
        it = opened()
        it.subscribe()
        it.driver.listen_error = WrongPassword()

        it.driver.break_line()

        eventually(lambda: it.pubsub.health().code == "unauthenticated")

    def test_renewing_while_connected_or_twice_is_harmless(self, opened: Open) -> None:
        it = opened()
        subscription, inbox = it.subscribe()

        subscription.renew()
        it.publish(1)
        it.driver.break_line()
        inbox.until(RECOVERED)
        subscription.renew()
        subscription.renew()
        it.publish(2)

        story = inbox.until(2)
        assert story.count(2) == story.count(RECOVERED) == 1
        assert it.pubsub.health().subscriptions == 1

    def test_topics_added_and_removed_while_it_was_down_are_right_afterwards(self, opened: Open) -> None:
        it = opened()
        (_, kept), (removed, gone) = it.subscribe("kept"), it.subscribe("removed")
        it.driver.listen_error = Away()
        it.driver.break_line()
        kept.until(DOWN)

        removed.unsubscribe()
        adding = threading.Thread(target=lambda: added.append(it.subscribe("added")))
        added: list[tuple[Subscription, Inbox]] = []
        adding.start()
        it.driver.listen_error = None
        adding.join(PATIENCE)
        kept.until(RECOVERED)
        eventually(lambda: it.pubsub.health().live == 2)
        it.pubsub.publish_many([("kept", 1), ("removed", 1), ("added", 1)])

        assert kept.until(1) == [DOWN, RECOVERED, 1]
        assert added[0][1].until(1) == [1]
        assert gone.story in ([], [DOWN])
        eventually(lambda: sorted(it.driver.feeds[0]._topics) == ["n/added", "n/kept"])

    def test_an_on_loss_that_raises_is_told_again_at_the_next_recovery(self, opened: Open) -> None:
        it = opened()
        inbox = Inbox(renews=False)
        failures = [ValueError("secret"), ValueError("secret")]

        def on_loss(subscription: Subscription, loss: Loss) -> None:
            inbox.on_loss(subscription, loss)
            if loss.reason is RECOVERED and failures:
                raise failures.pop()
            renew(subscription, loss)

        subscription = it.pubsub.subscribe("t", inbox.on_message, on_loss=on_loss)
        for outage in (1, 2, 3):
            it.driver.break_line()
            inbox.count(2 * outage)
        eventually(lambda: subscription.live)
        it.publish(1)

        assert inbox.until(1) == [DOWN, RECOVERED, DOWN, RECOVERED, DOWN, RECOVERED, 1]
        assert it.pubsub.health().errors == 2

    def test_a_renewal_that_does_not_complete_is_told_again(self, opened: Open) -> None:
        it = opened(deadline=0.1)
        subscription, inbox = it.subscribe()
        it.driver.change(confirms=False)
        it.driver.break_line()
        inbox.until(RECOVERED)
        eventually(lambda: it.pubsub.health().errors == 1)
        assert not subscription.live

        it.driver.change(confirms=True)
        it.driver.break_line()

        inbox.count(4)
        eventually(lambda: subscription.live)
        assert inbox.story == [DOWN, RECOVERED, DOWN, RECOVERED]

    def test_a_renewal_that_the_line_breaks_is_told_again(self, opened: Open) -> None:
        it = opened()
        subscription, inbox = it.subscribe()
        it.driver.change(confirms=False)
        it.driver.break_line()
        eventually(lambda: it.driver.feeds and it.driver.feeds[0]._asked)

        it.driver.change(confirms=True, listen_error=Away())
        it.driver.break_line()
        it.driver.listen_error = None

        inbox.count(4)
        eventually(lambda: subscription.live)

    def test_one_that_was_unsubscribed_is_told_nothing(self, opened: Open) -> None:
        it = opened()
        subscription, inbox = it.subscribe()
        _, other = it.subscribe()
        subscription.unsubscribe()

        it.driver.break_line()

        other.until(RECOVERED)
        assert inbox.story == []

    def test_subscribing_while_it_is_down_raises_at_the_deadline(self, opened: Open) -> None:
        it = opened(deadline=0.2)
        _, inbox = it.subscribe(renews=False)
        it.driver.listen_error = Away()
        it.driver.break_line()
        inbox.until(DOWN)
        began = time.monotonic()

        with pytest.raises(Unavailable) as raised:
            it.subscribe("u")

        assert raised.value.code == "unreachable"
        assert 0.15 < time.monotonic() - began < 1.0
        assert it.pubsub.health().subscriptions == 1


class TestALineThatGoesOn:
    @BOTH
    def test_nothing_is_missing_and_nothing_comes_twice(self, opened: Open, stamped: bool) -> None:
        it = opened(stamped=stamped, resumable=True)
        subscription, inbox = it.subscribe()
        for number in range(200):
            it.publish(number)
            if number % 20 == 10:
                it.driver.break_line()

        inbox.until(199)

        assert [item for item in inbox.story if isinstance(item, int)] == list(range(200))
        assert {loss.reason for loss in inbox.losses} == {DOWN, RESUMED}
        assert subscription.live

    def test_down_and_resumed_are_told_and_it_is_not_live_in_between(self, opened: Open) -> None:
        it = opened(resumable=True)
        subscription, inbox = it.subscribe()
        it.driver.listen_error = Away()
        it.driver.break_line()
        inbox.until(DOWN)
        assert not subscription.live
        it.publish(1)
        it.driver.listen_error = None

        assert inbox.until(1) == [DOWN, RESUMED, 1]
        assert subscription.live

    def test_recovered_is_told_only_where_the_place_is_gone(self, opened: Open) -> None:
        it = opened(resumable=True)
        _, inbox = it.subscribe()
        it.driver.gone = True
        it.driver.break_line()
        inbox.until(RECOVERED)
        it.driver.gone = False
        eventually(lambda: it.pubsub.health().live)
        it.driver.break_line()

        assert inbox.until(RESUMED) == [DOWN, RECOVERED, DOWN, RESUMED]

    def test_one_that_was_not_renewed_is_told_recovered_while_others_go_on(self, opened: Open) -> None:
        it = opened(resumable=True)
        _, stays = it.subscribe("t", renews=False)
        _, goes_on = it.subscribe("u")
        it.driver.gone = True
        it.driver.break_line()
        goes_on.until(RECOVERED)
        it.driver.gone = False
        eventually(lambda: it.pubsub.health().live == 1)

        it.driver.break_line()

        assert goes_on.until(RESUMED) == [DOWN, RECOVERED, DOWN, RESUMED]
        assert stays.count(4) == [DOWN, RECOVERED, DOWN, RECOVERED]

    def test_a_topic_that_is_denied_afterwards_is_told_recovered(self, opened: Open) -> None:
        it = opened(resumable=True)
        (allowed, _), (denied, inbox) = it.subscribe("t"), it.subscribe("u", renews=False)
        it.driver.denied.add("n/u")

        it.driver.break_line()

        assert inbox.until(RECOVERED) == [DOWN, RECOVERED]
        eventually(lambda: allowed.live)
        assert not denied.live


class TestGaps:
    @BOTH
    @pytest.mark.parametrize("before", [[], [1, 2]], ids=["first", "later"])
    def test_a_removed_message_is_told_before_the_next(self, opened: Open, stamped: bool, before: list[int]) -> None:
        it = opened(stamped=stamped)
        _, inbox = it.subscribe()
        it.driver.wire["n/t"].extend([*repeat(PASS, len(before)), "drop"])

        it.publish(*before, "removed", "next", "after")

        assert inbox.until("after") == [*before, GAP, "next", "after"]

    @BOTH
    @pytest.mark.parametrize("before", [[], [1, 2]], ids=["first", "later"])
    def test_a_removed_last_message_is_told_at_the_heartbeat(self, opened: Open, stamped: bool, before: list[int]) -> None:
        it = opened(stamped=stamped, heartbeats=(0.05, 0.2))
        _, inbox = it.subscribe()
        it.driver.wire["n/t"].extend([*repeat(PASS, len(before)), "drop"])

        it.publish(*before, "removed")

        assert inbox.until(GAP) == [*before, GAP]
        eventually(lambda: "dfbackends-heartbeats" not in [thread.name for thread in threading.enumerate()])
        it.publish("next")
        assert inbox.until("next") == [*before, GAP, "next"]

    def test_a_removed_last_message_is_told_when_its_publisher_closes(self, opened: Open) -> None:
        broker = Broker()
        it, publisher = opened(broker, stamped=False), opened(broker)
        _, inbox = it.subscribe()
        it.driver.wire["n/t"].extend(["pass", "drop"])
        publisher.publish(1, "removed")

        publisher.pubsub.close()

        assert inbox.until(GAP) == [1, GAP]

    def test_it_tells_how_many_are_missing_where_that_is_known(self, opened: Open) -> None:
        it = opened(stamped=False)
        _, inbox = it.subscribe()
        it.driver.wire["n/t"].extend(["pass", "drop", "drop", "drop"])

        it.publish(1, 2, 3, 4, 5)

        inbox.until(5)
        assert inbox.losses == [Loss(GAP, "t", 3)]

    @BOTH
    def test_a_subscription_stands_after_a_gap(self, opened: Open, stamped: bool) -> None:
        it = opened(stamped=stamped)
        subscription, inbox = it.subscribe()
        it.driver.wire["n/t"].extend(["drop"])

        it.publish(1, 2)
        inbox.until(2)

        assert subscription.live

    def test_who_subscribed_after_the_missing_message_is_told_nothing(self, opened: Open) -> None:
        it = opened()
        _, early = it.subscribe()
        it.driver.wire["n/t"].extend(["drop"])
        it.publish("removed")
        _, late = it.subscribe()
        it.publish(2)

        assert early.until(2) == [GAP, 2]
        assert late.until(2) == [2]

    def test_without_stamps_the_age_tells_who_subscribed_after_the_missing_message(self, opened: Open) -> None:
        it = opened(stamped=False)
        _, early = it.subscribe()
        it.driver.wire["n/t"].extend(["pass", "drop"])
        it.publish(0, "removed")
        threading.Event().wait(0.05)
        _, late = it.subscribe()
        it.publish(2)

        assert early.until(2) == [0, GAP, 2]
        assert late.until(2) == [2]

    def test_a_publisher_that_was_there_before_is_no_gap(self, opened: Open) -> None:
        it = opened(stamped=False)
        it.publish(1, 2, 3)
        threading.Event().wait(0.05)
        _, inbox = it.subscribe()

        it.publish(4, 5)

        assert inbox.until(5) == [4, 5]

    @BOTH
    def test_messages_that_come_twice_or_late_come_once_and_in_order(self, opened: Open, stamped: bool) -> None:
        it = opened(stamped=stamped)
        _, inbox = it.subscribe()
        it.driver.wire["n/t"].extend(["pass", "twice", "swap", "pass", "pass"])

        it.publish(1, 2, 3, 4, 5)

        assert [item for item in inbox.until(5) if item is not GAP] == [1, 2, 4, 5]
        assert inbox.story.index(GAP) == 2

    def test_a_message_that_is_destroyed_on_the_way_is_told_like_one_that_is_removed(self, opened: Open) -> None:
        it = opened(stamped=False)
        _, inbox = it.subscribe()
        it.driver.wire["n/t"].extend(["pass", "garble"])

        it.publish(1, 2, 3)

        assert inbox.until(3) == [1, GAP, 3]


class TestNoLoss:
    def test_none_is_told_of_an_idle_line(self, opened: Open) -> None:
        it = opened(pace=FAST._replace(silence=0.05, proof=0.5))
        it.driver.can_fall_silent = True
        _, inbox = it.subscribe()

        threading.Event().wait(0.5)
        it.publish(1)

        assert inbox.until(1) == [1]
        assert it.driver.probes >= 3

    @BOTH
    def test_none_is_told_of_heartbeats(self, opened: Open, stamped: bool) -> None:
        broker = Broker()
        it = opened(broker, stamped=stamped, heartbeats=(0.01, 0.02, 0.03))
        others = [opened(broker, stamped=stamped, heartbeats=(0.01, 0.02)) for _ in range(3)]
        _, inbox = it.subscribe()

        for number in range(50):
            for publisher in (it, *others):
                publisher.publish(number)
            threading.Event().wait(0.005)
        for publisher in others:
            publisher.pubsub.close()
        it.publish("end")

        inbox.until("end")
        assert inbox.losses == []


def test_a_deaf_line_is_found_and_told(opened: Open) -> None:
    it = opened()
    it.driver.can_fall_silent = True
    _, inbox = it.subscribe()

    it.driver.change(deaf=True)
    it.publish("unheard")
    inbox.until(DOWN, FAST.silence + FAST.proof + 1.0)
    it.driver.change(deaf=False)
    eventually(lambda: it.pubsub.health().live)
    it.publish("heard")

    assert [item for item in inbox.until("heard") if item not in (DOWN, RECOVERED)] == ["heard"]
