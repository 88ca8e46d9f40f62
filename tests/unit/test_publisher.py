from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from dfbackends import envelope
from dfbackends.api import Message
from dfbackends.envelope import Envelope
from dfbackends.errors import BackendError, Closed, OutcomeUnknown, Refused, Unavailable
from dfbackends.publisher import Publisher
from dfbackends.retry import Patience
from tests.drivers.faulty_pubsub import Away, FaultyPubSub, NoAnswer, NotAllowed
from tests.waiting import PATIENCE, background, eventually

NEVER = (3600.0,)
AT_ONCE = Patience(retries=0, deadline=PATIENCE)
REPEATED = Patience(retries=3, deadline=PATIENCE, spacing=(0.001, 0.003, 0.006))


class Open:
    """A publisher over a driver that fails on demand."""

    def __init__(self, patience: Patience = AT_ONCE, *, intervals: Sequence[float] = NEVER, topics: int = 10_000) -> None:
        self.driver = FaultyPubSub()
        self.publisher = Publisher(self.driver, patience, intervals=intervals, topics=topics)

    def publish(self, *items: tuple[str, bytes]) -> None:
        self.publisher.publish(items)

    @property
    def sent(self) -> list[Envelope]:
        """What the broker got."""
        found = [envelope.opened(message.data) for message in self.driver.broker.log]
        return [each for each in found if each is not None]

    @property
    def story(self) -> list[Any]:
        """The sequences of messages, and those of heartbeats as text."""
        return [each.sequence if each.data is not None else f"beat {each.sequence}" for each in self.sent]


@pytest.fixture
def opened() -> Iterator[Callable[..., Open]]:
    made: list[Open] = []

    def make(*arguments: Any, **options: Any) -> Open:
        made.append(Open(*arguments, **options))
        return made[-1]

    yield make
    for each in made:
        each.publisher.close(time.monotonic() + PATIENCE)
    eventually(lambda: "dfbackends-heartbeats" not in [thread.name for thread in threading.enumerate()])


Make = Callable[..., Open]


class TestSequence:
    def test_each_topic_counts_from_one_with_the_age_of_the_message_before(self, opened: Make) -> None:
        it = opened()
        it.publish(("t", b"1"))
        threading.Event().wait(0.02)
        it.publish(("t", b"2"), ("u", b"3"), ("t", b"4"))

        first, second, other, third = it.sent

        assert [first.sequence, second.sequence, other.sequence, third.sequence] == [1, 2, 1, 3]
        assert first.publisher == second.publisher == other.publisher
        assert (first.age, other.age, third.age) == (None, None, 0.0)
        assert second.age is not None
        assert 0.02 <= second.age < 1.0

    def test_two_publishers_never_have_the_same_name(self, opened: Make) -> None:
        one, other = opened(), opened()
        one.publish(("t", b"1"))
        other.publish(("t", b"1"))

        assert one.sent[0].publisher != other.sent[0].publisher

    def test_many_threads_leave_no_hole_and_no_disorder(self, opened: Make) -> None:
        it = opened()

        def publish() -> None:
            for number in range(200):
                it.publish(("t", b"%d" % number), ("u", b"0"))

        for each in [background(publish) for _ in range(8)]:
            assert each() is None

        sequences = [each.sequence for each in it.sent]
        assert sequences[::2] == sequences[1::2] == list(range(1, 1601))

    def test_calls_for_the_same_topics_in_different_order_do_not_wait_for_each_other(self, opened: Make) -> None:
        it = opened()

        def publish(*topics: str) -> None:
            for _ in range(300):
                it.publish(*[(topic, b"0") for topic in topics])

        running = [background(lambda: publish("a", "b", "c")), background(lambda: publish("c", "b", "a"))]

        assert [each() for each in running] == [None, None]

    def test_a_topic_whose_message_is_held_up_does_not_hold_up_others(self, opened: Make) -> None:
        it = opened(Patience(0, 0.2))
        it.driver.publishing.clear()
        held = background(lambda: it.publish(("t", b"1")))
        eventually(lambda: it.driver.published)

        with pytest.raises(Unavailable) as raised:
            it.publish(("t", b"2"))
        assert raised.value.code == "overloaded"
        other = background(lambda: it.publish(("u", b"1")))
        eventually(lambda: len(it.driver.published) == 2)

        it.driver.publishing.set()
        assert held() is None
        assert other() is None
        it.publish(("t", b"2"))
        assert [each.data for each in it.sent if each.sequence == 2] == [b"2"]

    def test_topics_that_were_used_long_ago_are_forgotten_and_then_have_a_new_publisher(self, opened: Make) -> None:
        it = opened(intervals=(0.0,), topics=10)
        it.publisher._quiet = 0.01
        for number in range(10):
            it.publish((f"t{number}", b"1"))
        threading.Event().wait(0.02)

        it.publish(("t0", b"2"))

        messages = [each for each in it.sent if each.data is not None]
        assert len(it.publisher._tracks) == 1
        assert messages[-1].sequence == 1
        assert messages[-1].age is None
        assert messages[-1].publisher != messages[0].publisher


class TestFailing:
    def test_it_is_repeated_with_the_same_bytes_so_that_nobody_gets_it_twice(self, opened: Make) -> None:
        it = opened(REPEATED)
        it.driver.publish_errors.extend([Away(), NoAnswer(), NoAnswer(), None])

        it.publish(("t", b"1"))

        assert len(it.driver.published) == 4
        assert len(set(map(tuple, it.driver.published))) == 1
        assert it.story == [1, 1, 1]

    @pytest.mark.parametrize(
        ("errors", "kind", "code"),
        [
            ([Away()] * 4, Unavailable, "unreachable"),
            ([NotAllowed()], Refused, "forbidden"),
            ([Away(), NotAllowed()], Refused, "forbidden"),
        ],
    )
    def test_what_was_certainly_not_sent_takes_no_place_in_the_sequence(
        self, opened: Make, errors: list[Exception | None], kind: type[BackendError], code: str
    ) -> None:
        it = opened(REPEATED)
        it.publish(("t", b"1"))
        it.driver.publish_errors.extend(errors)

        with pytest.raises(kind) as raised:
            it.publish(("t", b"2"))
        it.publish(("t", b"3"))

        assert raised.value.code == code
        assert raised.value.__cause__ is errors[-1]
        assert len(it.driver.published) == 2 + len(errors)
        assert it.story == [1, 2]

    @pytest.mark.parametrize(
        "errors", [[NoAnswer()] * 4, [NoAnswer(), Away(), Away(), Away()], [Away(), NoAnswer(), NotAllowed()]]
    )
    def test_what_may_have_been_sent_is_unknown_and_keeps_its_place(self, opened: Make, errors: list[Exception | None]) -> None:
        it = opened(REPEATED)
        it.driver.unanswered_is_done = False
        it.driver.publish_errors.extend(errors)

        with pytest.raises(OutcomeUnknown):
            it.publish(("t", b"1"))
        it.publish(("t", b"2"))

        assert it.story == [2]
        assert it.sent[0].age is not None

    def test_what_a_signal_interrupts_keeps_its_place(self, opened: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        it = opened(REPEATED)
        send = it.driver.publish

        def interrupted(messages: Sequence[Message]) -> None:
            send(messages)
            raise KeyboardInterrupt

        monkeypatch.setattr(it.driver, "publish", interrupted)
        with pytest.raises(KeyboardInterrupt):
            it.publish(("t", b"1"))
        monkeypatch.undo()
        it.publish(("t", b"2"))

        assert it.story == [1, 2]

    def test_closing_ends_repetitions_and_refuses_more(self, opened: Make) -> None:
        it = opened(Patience(retries=3, deadline=PATIENCE, spacing=(5.0,)))
        it.driver.publish_errors.append(Away())
        publishing = background(lambda: it.publish(("t", b"1")))
        eventually(lambda: it.driver.published)

        it.publisher.close(time.monotonic() + PATIENCE)

        assert isinstance(publishing(), Unavailable)
        with pytest.raises(Closed):
            it.publish(("t", b"1"))


class TestHeartbeats:
    def test_they_follow_a_burst_at_growing_distances_and_end_with_their_thread(self, opened: Make) -> None:
        it = opened(intervals=(0.02, 0.05, 0.1))

        for number in (1, 2, 3):
            it.publish(("t", b"%d" % number))

        eventually(lambda: it.story == [1, 2, 3, "beat 3", "beat 3", "beat 3"])
        eventually(lambda: "dfbackends-heartbeats" not in [thread.name for thread in threading.enumerate()])
        ages = [each.age or 0.0 for each in it.sent[3:]]
        assert ages == sorted(ages)
        assert ages[0] >= 0.02
        assert 0.1 <= ages[2] < 1.0

    def test_a_message_begins_them_anew(self, opened: Make) -> None:
        it = opened(intervals=(0.02, 0.05))
        it.publish(("t", b"1"))
        eventually(lambda: it.story == [1, "beat 1", "beat 1"])

        it.publish(("t", b"2"))

        eventually(lambda: it.story == [1, "beat 1", "beat 1", 2, "beat 2", "beat 2"])

    def test_topics_that_are_due_together_share_a_call(self, opened: Make) -> None:
        it = opened(intervals=(0.1,))

        for number in range(50):
            it.publish((f"t{number}", b"1"))

        eventually(lambda: len(it.story) == 100)
        assert len(it.driver.published) <= 50 + 5

    def test_they_do_not_wait_for_a_topic_that_was_used_before(self, opened: Make) -> None:
        it = opened(intervals=(0.05, 3600.0))
        it.publish(("t", b"1"))
        eventually(lambda: it.story == [1, "beat 1"])

        it.publish(("u", b"1"))

        eventually(lambda: it.story == [1, "beat 1", 1, "beat 1"])

    def test_one_that_fails_disturbs_nobody_and_the_next_one_is_sent(self, opened: Make) -> None:
        it = opened(intervals=(0.02, 0.05))
        it.driver.publish_errors.extend([None, OSError("secret")])

        it.publish(("t", b"1"))

        eventually(lambda: it.story == [1, "beat 1"])
        assert len(it.driver.published) == 3

    def test_closing_sends_a_last_one_for_topics_used_lately(self, opened: Make) -> None:
        it = opened(intervals=(3600.0,))
        it.publish(("t", b"1"), ("u", b"1"))

        it.publisher.close(time.monotonic() + PATIENCE)

        assert it.story == [1, 1, "beat 1", "beat 1"]
        assert len(it.driver.published) == 2

    def test_closing_does_not_wait_for_long_where_nothing_can_be_sent(self, opened: Make) -> None:
        it = opened(intervals=(3600.0,))
        it.publish(("t", b"1"))
        it.driver.publishing.clear()
        began = time.monotonic()

        it.publisher.close(time.monotonic() + 0.1)

        assert time.monotonic() - began < 1.0
        it.driver.publishing.set()

    def test_the_usual_ones_end_a_minute_after_the_last_message(self) -> None:
        from dfbackends.heartbeats import INTERVALS

        assert INTERVALS == (1, 2, 4, 8, 16, 32, 60)

    def test_a_heartbeat_is_small_json(self, opened: Make) -> None:
        it = opened(intervals=(0.01,))
        it.publish(("t", b"1"))
        eventually(lambda: len(it.story) == 2)

        assert json.loads(it.driver.broker.log[1].data)["h"] == 1
