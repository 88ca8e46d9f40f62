from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from dfbackends import continuity
from dfbackends.api import Message
from dfbackends.continuity import Continuity, Gap, Verdict
from dfbackends.envelope import Envelope

A, B = b"a" * 32, b"b" * 32
NEW = Verdict(True)
SKIP = Verdict(False)
BROKEN = Gap(None, math.inf, -math.inf)


def said(publisher: bytes | None, sequence: int = 0, age: float | None = None) -> Envelope:
    return Envelope(publisher, sequence, age, b"{}")


def beat(publisher: bytes, sequence: int, age: float) -> Envelope:
    return Envelope(publisher, sequence, age, None)


def plain() -> Message:
    return Message("t", b"")


def stamped(prev: str, head: str) -> Message:
    return Message("t", b"", prev, head)


def begun(head: str = "") -> Continuity:
    found = Continuity()
    found.begin(head)
    return found


class TestWithoutStamps:
    def test_messages_in_sequence_are_new(self) -> None:
        topic = begun()

        verdicts = [topic.judge(plain(), said(A, n, None if n == 1 else 1.0), 10.0 + n) for n in (1, 2, 3)]

        assert verdicts == [NEW, NEW, NEW]

    def test_a_jump_is_a_gap_before_the_message_that_tells_how_many_are_missing_and_when_they_would_have_come(self) -> None:
        topic = begun()
        topic.judge(plain(), said(A, 1), 10.0)

        verdict = topic.judge(plain(), said(A, 4, 0.5), 12.0)

        assert verdict == Verdict(True, Gap(missed=2, latest=11.5, seen=10.0))

    def test_a_repetition_is_skipped_also_after_others(self) -> None:
        topic = begun()
        for sequence in (1, 2, 3):
            topic.judge(plain(), said(A, sequence, 0.0), 10.0)

        assert topic.judge(plain(), said(A, 3, 0.0), 11.0) == SKIP
        assert topic.judge(plain(), said(A, 1), 11.0) == SKIP

    def test_publishers_have_sequences_of_their_own(self) -> None:
        topic = begun()
        topic.judge(plain(), said(A, 1), 10.0)

        assert topic.judge(plain(), said(B, 1), 11.0) == NEW
        assert topic.judge(plain(), said(A, 2, 1.0), 11.0) == NEW

    def test_the_first_message_of_a_publisher_misses_none(self) -> None:
        assert begun().judge(plain(), said(A, 1, None), 10.0) == NEW

    def test_the_first_message_heard_of_a_publisher_tells_when_the_one_before_it_would_have_come(self) -> None:
        verdict = begun().judge(plain(), said(A, 7, 3.0), 10.0)

        assert verdict == Verdict(True, Gap(None, latest=7.0))

    def test_messages_that_came_in_the_wrong_order_are_a_gap_and_the_late_one_is_skipped(self) -> None:
        topic = begun()
        topic.judge(plain(), said(A, 1), 10.0)

        later = topic.judge(plain(), said(A, 3, 0.0), 11.0)
        earlier = topic.judge(plain(), said(A, 2, 1.0), 11.0)

        assert later == Verdict(True, Gap(1, 11.0, 10.0))
        assert earlier == SKIP

    def test_a_heartbeat_of_what_was_heard_is_nothing(self) -> None:
        topic = begun()
        topic.judge(plain(), said(A, 1), 10.0)

        assert topic.judge(plain(), beat(A, 1, 1.0), 11.0) == SKIP

    def test_a_heartbeat_of_more_than_was_heard_is_a_gap_once(self) -> None:
        topic = begun()
        topic.judge(plain(), said(A, 1), 10.0)

        assert topic.judge(plain(), beat(A, 3, 0.5), 11.0) == Verdict(False, Gap(2, 10.5, 10.0))
        assert topic.judge(plain(), beat(A, 3, 1.5), 12.0) == SKIP
        assert topic.judge(plain(), said(A, 4, 3.0), 13.0) == NEW

    def test_messages_that_come_after_the_heartbeat_that_told_of_them_are_delivered(self) -> None:
        topic = begun()
        topic.judge(plain(), said(A, 1), 10.0)
        topic.judge(plain(), beat(A, 3, 0.5), 11.0)

        assert topic.judge(plain(), said(A, 2, 0.5), 11.1) == NEW
        assert topic.judge(plain(), said(A, 3, 0.5), 11.2) == NEW
        assert topic.judge(plain(), said(A, 5, 0.5), 12.0) == Verdict(True, Gap(1, 11.5, 11.2))

    def test_a_heartbeat_is_all_that_is_heard_of_a_lost_first_message(self) -> None:
        topic = begun()

        assert topic.judge(plain(), beat(A, 1, 0.5), 11.0) == Verdict(False, Gap(None, latest=10.5))
        assert topic.judge(plain(), said(A, 2, 1.0), 11.5) == NEW

    def test_announcements_are_new_and_garbage_is_nothing(self) -> None:
        topic = begun()

        assert topic.judge(plain(), said(None), 10.0) == NEW
        assert topic.judge(plain(), None, 10.0) == SKIP

    def test_publishers_stay_known_when_it_begins_anew_so_that_repetitions_are_skipped(self) -> None:
        topic = begun()
        topic.judge(plain(), said(A, 5, 99.0), 10.0)

        topic.begin("")

        assert topic.judge(plain(), said(A, 5, 99.0), 20.0) == SKIP

    def test_a_forgotten_publisher_is_told_as_a_gap_and_never_as_nothing(self) -> None:
        topic = begun()
        topic.judge(plain(), said(A, 1), 10.0)
        for number in range(continuity.MOST + 1):
            topic.judge(plain(), said(b"%032d" % number, 1), 11.0 + number)

        verdict = topic.judge(plain(), said(A, 3, 1.0), 1e6)

        assert verdict == Verdict(True, Gap(None, latest=1e6 - 1.0))

    def test_no_more_publishers_are_kept_than_allowed(self) -> None:
        topic = begun()

        for number in range(3 * continuity.MOST):
            topic.judge(plain(), said(b"%032d" % number, 1), float(number % 1000))

        assert len(topic._publishers) <= continuity.MOST

    def test_publishers_who_were_silent_for_long_make_room(self) -> None:
        topic = begun()
        for number in range(64):
            topic.judge(plain(), said(b"%032d" % number, 1), 0.0)

        topic.judge(plain(), said(A, 1), continuity.FORGET + 1.0)

        assert list(topic._publishers) == [A]


class TestWithStamps:
    def test_a_chain_is_new_whatever_the_sequences(self) -> None:
        topic = begun("h0")

        assert topic.judge(stamped("h0", "h1"), said(A, 4, 0.0), 10.0) == NEW
        assert topic.judge(stamped("h1", "h2"), said(A, 9, 0.0), 11.0) == NEW

    def test_a_broken_chain_is_a_gap_for_everybody(self) -> None:
        topic = begun("h0")

        assert topic.judge(stamped("h1", "h2"), said(A, 1), 10.0) == Verdict(True, BROKEN)
        assert topic.judge(stamped("h2", "h3"), said(A, 2, 0.0), 10.0) == NEW

    def test_a_lost_first_message_of_a_topic_is_a_gap(self) -> None:
        assert begun("").judge(stamped("h1", "h2"), said(A, 2, 0.0), 10.0) == Verdict(True, BROKEN)

    def test_a_message_that_was_published_twice_is_skipped_and_keeps_the_chain(self) -> None:
        topic = begun("h0")
        topic.judge(stamped("h0", "h1"), said(A, 1), 10.0)

        assert topic.judge(stamped("h1", "h2"), said(A, 1), 10.0) == SKIP
        assert topic.judge(stamped("h2", "h3"), said(A, 2, 0.0), 10.0) == NEW

    def test_a_message_that_the_line_brings_twice_is_skipped_and_no_gap(self) -> None:
        topic = begun("h0")
        for _ in range(2):
            topic.judge(stamped("h0", "h1"), said(A, 1), 10.0)
        announced = topic.judge(stamped("h1", "h2"), said(None), 10.0)

        assert announced == NEW
        assert topic.judge(stamped("h1", "h2"), said(None), 10.0) == SKIP
        assert topic.judge(stamped("h0", "h1"), said(A, 1), 10.0) == SKIP
        assert topic.judge(stamped("h2", "h3"), said(A, 2, 0.0), 10.0) == NEW

    def test_heartbeats_and_announcements_belong_to_the_chain(self) -> None:
        topic = begun("h0")
        topic.judge(stamped("h0", "h1"), said(A, 1), 10.0)

        assert topic.judge(stamped("h2", "h3"), beat(A, 2, 0.0), 11.0) == Verdict(False, BROKEN)
        assert topic.judge(stamped("h3", "h4"), said(None), 11.0) == NEW
        assert topic.judge(stamped("h5", "h6"), said(None), 11.0) == Verdict(True, BROKEN)
        assert topic.judge(stamped("h6", "h7"), beat(A, 2, 9.0), 11.0) == SKIP

    def test_garbage_has_a_place_in_the_chain(self) -> None:
        topic = begun("h0")

        assert topic.judge(stamped("h0", "h1"), None, 10.0) == SKIP
        assert topic.judge(stamped("h2", "h3"), None, 10.0) == Verdict(False, BROKEN)
        assert topic.judge(stamped("h3", "h4"), said(A, 1), 10.0) == NEW

    def test_garbage_without_a_stamp_does_not_break_the_chain(self) -> None:
        topic = begun("h0")

        assert topic.judge(plain(), None, 10.0) == SKIP
        assert topic.judge(stamped("h0", "h1"), said(A, 1), 10.0) == NEW

    def test_what_was_lost_just_before_a_break_is_told_when_its_publisher_is_heard_again(self) -> None:
        topic = begun("h0")
        topic.judge(stamped("h0", "h1"), said(A, 1), 10.0)
        topic.judge(stamped("h1", "h2"), said(B, 1), 10.0)

        topic.resume("x9", 12.0)

        assert topic.judge(stamped("x9", "h5"), said(A, 3, 2.5), 13.0) == Verdict(True, Gap(1, 10.5, 10.0))
        assert topic.judge(stamped("h5", "h6"), beat(B, 3, 2.5), 13.0) == Verdict(False, Gap(2, 10.5, 10.0))
        assert topic.judge(stamped("h6", "h7"), said(A, 9, 1.0), 14.0) == NEW

    def test_a_first_message_lost_just_before_a_break_is_told_with_the_second(self) -> None:
        topic = begun("h0")

        topic.resume("x9", 12.0)

        assert topic.judge(stamped("x9", "h5"), said(A, 2, 3.0), 13.0) == Verdict(True, Gap(None, 10.0))
        topic.begin("h5")
        assert topic.judge(stamped("h5", "h6"), said(B, 2, 3.0), 13.0) == NEW

    def test_a_confirmation_with_the_head_last_seen_is_nothing_and_with_another_a_gap(self) -> None:
        topic = begun("h0")
        topic.judge(stamped("h0", "h1"), said(A, 1), 10.0)

        assert topic.confirmed("h1") is None
        assert topic.confirmed("h3") == BROKEN
        assert topic.judge(stamped("h3", "h4"), said(A, 2, 0.0), 10.0) == NEW


MOMENTS = st.integers(0, 10**7).map(lambda microseconds: microseconds * 1e-6)


@given(began=MOMENTS, age=MOMENTS, way=MOMENTS, confirmed=MOMENTS)
def test_what_was_sent_after_a_confirmation_is_missed_and_what_was_sent_before_only_by_less_than_a_message_takes(
    began: float, age: float, way: float, confirmed: float
) -> None:
    """A message is sent when it ``began``, and lost, or not for us; ``age`` later the next one, which is on its ``way``."""
    topic = begun()

    gap = topic.judge(plain(), said(A, 2, age), began + age + way).gap

    assert gap is not None
    told = confirmed <= gap.latest + 1e-9
    assert told or began < confirmed
    assert not told or began >= confirmed - way - 1e-6
