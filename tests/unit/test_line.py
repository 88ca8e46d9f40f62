from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from dfbackends.api import Gone, Head, Message
from dfbackends.errors import Closed, Code, Refused, Unavailable
from dfbackends.line import Line
from dfbackends.pace import Pace, Pauses
from tests.drivers.faulty_pubsub import Away, FaultyPubSub, LineBroke, NotAllowed, WrongPassword
from tests.waiting import PATIENCE, background, eventually

FAST = Pace(silence=0.1, proof=0.2, answer=0.5, outage=(0.002, 0.01), refused=(0.05, 0.1))


class Listener:
    """Keeps what a line tells."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.error: Exception | None = None

    def heard(self, messages: Sequence[Message], now: float) -> None:
        assert abs(time.monotonic() - now) < PATIENCE
        if self.error is not None and messages:
            error, self.error = self.error, None
            raise error
        self.told += [message.data for message in messages]

    def lost(self, code: Code) -> None:
        self.told.append(("lost", code))

    def resumed(self, heads: Mapping[str, Head]) -> None:
        self.told.append(("resumed", dict(heads)))

    def recovered(self) -> None:
        self.told.append("recovered")

    def until(self, *last: Any) -> None:
        eventually(lambda: self.told[-len(last) :] == list(last))


class Laid:
    """A line over a driver that fails on demand."""

    def __init__(self, *, pace: Pace = FAST, resumable: bool = False) -> None:
        self.driver = FaultyPubSub(resumable=resumable)
        self.listener = Listener()
        self.line: Line[str, Message] = Line(
            self.driver.listen, self.listener, errors=self.driver.errors, name="test", pace=pace
        )

    def subscribe(self, topic: str, member: str = "m", seconds: float = PATIENCE) -> Head:
        heads: list[Head] = []
        self.line.subscribe(topic, member, lambda head, now: heads.append(head), time.monotonic() + seconds)
        [head] = heads
        return head

    def publish(self, topic: str, *data: bytes) -> None:
        self.driver.publish([Message(topic, each) for each in data])


@pytest.fixture
def laid() -> Iterator[Callable[..., Laid]]:
    lines: list[Laid] = []

    def lay(**options: Any) -> Laid:
        lines.append(Laid(**options))
        return lines[-1]

    yield lay
    for each in lines:
        each.line.close(time.monotonic() + PATIENCE)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("dfbackends-reader")]


Lay = Callable[..., Laid]


class TestSubscribing:
    def test_the_first_subscription_opens_the_line_and_returns_when_it_is_confirmed(self, laid: Lay) -> None:
        it = laid()
        assert it.driver.opened == 0
        it.publish("t", b"0")

        assert it.subscribe("t") == "h1"
        it.publish("t", b"1")
        it.publish("u", b"2")

        it.listener.until(b"1")
        assert it.line.connected
        assert it.driver.opened == 1

    @pytest.mark.parametrize(
        ("error", "kind", "code"),
        [
            (Away(), Unavailable, "unreachable"),
            (WrongPassword(), Refused, "unauthenticated"),
            (OSError(), Unavailable, "protocol"),
        ],
    )
    def test_the_error_of_opening_counts_once_and_the_next_one_tries_again(
        self, laid: Lay, error: Exception, kind: type[Exception], code: Code
    ) -> None:
        it = laid()
        it.driver.listen_errors.append(error)

        with pytest.raises(kind) as raised:
            it.subscribe("t")

        assert getattr(raised.value, "code", None) == code
        assert raised.value.__cause__ is error
        assert it.driver.opened == 1
        it.subscribe("t")

    def test_a_denied_topic_raises_what_the_driver_means_and_disturbs_no_other(self, laid: Lay) -> None:
        it = laid()
        it.subscribe("t")
        it.driver.denied.add("secret")

        with pytest.raises(Refused) as raised:
            it.subscribe("secret")

        assert raised.value.code == "forbidden"
        assert isinstance(raised.value.__cause__, NotAllowed)
        it.publish("t", b"1")
        it.listener.until(b"1")
        assert it.line.breaks == 0

    def test_what_is_not_confirmed_in_time_is_unavailable_and_given_up(self, laid: Lay) -> None:
        it = laid()
        it.subscribe("t")
        it.driver.change(confirms=False)

        with pytest.raises(Unavailable):
            it.subscribe("late", seconds=0.05)
        it.driver.change(confirms=True)
        it.subscribe("t", "other")
        it.publish("late", b"no")
        it.publish("t", b"yes")

        it.listener.until(b"yes")
        assert b"no" not in it.listener.told

    def test_answers_go_to_the_questions_in_their_order(self, laid: Lay) -> None:
        it = laid()
        it.subscribe("t", "first")
        it.driver.change(confirms=False)
        heads: list[Head] = []
        late = background(
            lambda: it.line.subscribe("t", "late", lambda head, now: heads.append("late"), time.monotonic() + 0.05)
        )
        assert isinstance(late(), Unavailable)
        timely = background(
            lambda: it.line.subscribe("t", "timely", lambda head, now: heads.append("timely"), time.monotonic() + PATIENCE)
        )
        eventually(lambda: len(it.driver.feeds[0]._asked) == 2)

        it.driver.change(confirms=True)

        assert timely() is None
        assert heads == ["timely"]

    def test_a_line_that_breaks_before_the_answer_fails_the_call_which_is_not_repeated(self, laid: Lay) -> None:
        it = laid()
        it.subscribe("t")
        it.driver.change(confirms=False)
        asking = background(lambda: it.subscribe("u"))
        eventually(lambda: it.driver.feeds[0]._asked)

        it.driver.break_line()

        error = asking()
        assert isinstance(error, Unavailable)
        assert error.code == "unreachable"
        it.driver.change(confirms=True)
        it.listener.until(("lost", "unreachable"), "recovered")
        it.publish("u", b"no")
        it.subscribe("t")
        it.publish("t", b"yes")
        it.listener.until(b"yes")

    def test_a_call_waits_for_a_line_that_is_down_until_the_deadline(self, laid: Lay) -> None:
        it = laid()
        it.subscribe("t")
        it.driver.listen_error = Away()
        it.driver.break_line()
        it.listener.until(("lost", "unreachable"))
        began = time.monotonic()

        with pytest.raises(Unavailable) as raised:
            it.subscribe("t", seconds=0.1)

        assert 0.1 <= time.monotonic() - began < 1.0
        assert raised.value.code == "unreachable"
        waiting = background(lambda: it.subscribe("u"))
        it.driver.listen_error = None
        assert waiting() is None

    def test_what_can_not_be_sent_fails_and_the_line_is_rebuilt_lest_answers_be_mixed_up(self, laid: Lay) -> None:
        it = laid()
        it.subscribe("t")
        it.driver.subscribe_errors.append(LineBroke())

        with pytest.raises(Unavailable):
            it.subscribe("u")

        it.listener.until(("lost", "unreachable"), "recovered")

    def test_what_is_refused_before_it_is_sent_leaves_the_line_alone(self, laid: Lay) -> None:
        it = laid()
        it.subscribe("t")
        it.driver.subscribe_errors.append(NotAllowed())

        with pytest.raises(Refused):
            it.subscribe("u")

        it.subscribe("u")
        assert it.line.breaks == 0

    def test_the_last_member_of_a_topic_gives_it_up(self, laid: Lay) -> None:
        it = laid()
        it.subscribe("t", "one")
        it.subscribe("t", "other")

        it.line.unsubscribe("t", "one")
        it.publish("t", b"1")
        it.listener.until(b"1")
        it.line.unsubscribe("t", "other")
        it.line.unsubscribe("t", "other")
        it.subscribe("u")
        it.publish("t", b"2")
        it.publish("u", b"3")

        it.listener.until(b"1", b"3")


class TestBreaking:
    def test_all_that_came_before_is_told_first_and_all_is_cleared_where_it_can_not_go_on(self, laid: Lay) -> None:
        it = laid()
        it.driver.loses = False
        it.subscribe("t")
        it.publish("t", *[b"%d" % number for number in range(100)])

        it.driver.break_line()

        it.listener.until(*[b"%d" % number for number in range(100)], ("lost", "unreachable"), "recovered")
        it.publish("t", b"not subscribed")
        it.subscribe("t")
        it.publish("t", b"again")
        it.listener.until("recovered", b"again")

    @pytest.mark.parametrize("error", [RecursionError("secret"), KeyError("secret"), RuntimeError("secret"), UnicodeError()])
    def test_any_exception_means_that_the_line_is_lost_and_never_that_the_thread_dies(
        self, laid: Lay, error: Exception, caplog: pytest.LogCaptureFixture
    ) -> None:
        it = laid()
        it.subscribe("t")

        it.driver.break_line(error)

        it.listener.until(("lost", "protocol"), "recovered")
        assert f"{type(error).__name__} at" in caplog.text
        assert "secret" not in caplog.text

    def test_it_goes_on_where_the_driver_can_and_nothing_is_missing(self, laid: Lay) -> None:
        it = laid(resumable=True)
        it.subscribe("t")
        it.subscribe("u")
        it.publish("t", b"1")
        it.listener.until(b"1")
        it.driver.listen_error = Away()
        it.driver.break_line()
        it.listener.until(("lost", "unreachable"))
        it.publish("u", b"2")
        it.publish("t", b"3")

        it.driver.listen_error = None

        it.listener.until(b"1", ("lost", "unreachable"), ("resumed", {"t": "h1", "u": ""}), b"2", b"3")

    def test_a_place_that_is_gone_clears_everything(self, laid: Lay) -> None:
        it = laid(resumable=True)
        it.subscribe("t")
        it.driver.gone = True

        it.driver.break_line()

        it.listener.until(("lost", "unreachable"), "recovered")

    def test_a_line_that_was_overtaken_clears_everything(self, laid: Lay) -> None:
        it = laid(resumable=True)
        it.subscribe("t")

        it.driver.break_line(Gone())

        it.listener.until(("lost", "overloaded"), "recovered")

    def test_topics_given_up_and_denied_while_it_was_down_are_not_taken_up_again(self, laid: Lay) -> None:
        it = laid(resumable=True)
        for topic in ("t", "u", "v"):
            it.subscribe(topic)
        it.driver.listen_error = Away()
        it.driver.break_line()
        it.listener.until(("lost", "unreachable"))

        it.line.unsubscribe("u", "m")
        it.driver.denied.add("v")
        it.driver.listen_error = None

        it.listener.until(("lost", "unreachable"), ("resumed", {"t": ""}))

    def test_a_topic_given_up_while_it_goes_on_is_given_up(self, laid: Lay) -> None:
        it = laid(resumable=True, pace=FAST._replace(silence=5.0))
        it.subscribe("t")
        it.subscribe("u")
        it.driver.change(confirms=False)
        it.driver.break_line()
        eventually(lambda: it.driver.feeds and len(it.driver.feeds[0]._asked) == 2)

        it.line.unsubscribe("u", "m")
        it.driver.change(confirms=True)

        eventually(lambda: it.line.connected)
        eventually(lambda: list(it.driver.feeds[0]._topics) == ["t"])

    def test_a_line_that_breaks_while_it_goes_on_is_rebuilt_from_the_same_place(self, laid: Lay) -> None:
        it = laid(resumable=True)
        it.subscribe("t")
        it.driver.change(confirms=False)
        it.driver.break_line()
        it.publish("t", b"1")
        for _ in range(3):
            eventually(lambda: it.driver.feeds and it.driver.feeds[0]._asked)
            it.driver.break_line()
        it.driver.change(confirms=True)

        it.listener.until(("lost", "unreachable"), ("resumed", {"t": ""}), b"1")

    def test_a_line_that_confirms_nothing_when_it_should_go_on_is_given_up(self, laid: Lay) -> None:
        it = laid(resumable=True, pace=FAST._replace(silence=0.02, answer=0.1))
        it.subscribe("t")
        it.driver.change(confirms=False, can_fall_silent=True)
        it.driver.break_line()

        eventually(lambda: it.driver.opened >= 4)
        it.driver.change(confirms=True)

        it.listener.until(("lost", "unreachable"), ("resumed", {"t": ""}))

    def test_a_failure_to_tell_clears_everything_since_messages_may_be_lost_with_it(self, laid: Lay) -> None:
        it = laid(resumable=True)
        it.subscribe("t")
        it.listener.error = ValueError()

        it.publish("t", b"lost by us")

        it.listener.until(("lost", "protocol"), "recovered")

    def test_it_is_rebuilt_without_end(self, laid: Lay) -> None:
        it = laid()
        it.subscribe("t")
        it.driver.listen_error = Away()
        it.driver.break_line()

        eventually(lambda: it.driver.opened > 20)
        it.driver.listen_error = None

        it.listener.until(("lost", "unreachable"), "recovered")
        assert it.line.breaks == 1

    def test_refused_credentials_are_tried_seldom(self, laid: Lay) -> None:
        it = laid(pace=FAST._replace(refused=(PATIENCE, 2 * PATIENCE)))
        it.subscribe("t")
        it.driver.listen_error = WrongPassword()

        it.driver.break_line()

        eventually(lambda: it.line.code == "unauthenticated")
        assert not threading.Event().wait(0.2)
        assert it.driver.opened == 2


class TestSilence:
    def test_a_deaf_line_is_found_after_the_probe_stays_unanswered(self, laid: Lay) -> None:
        it = laid()
        it.driver.can_fall_silent = True
        it.subscribe("t")
        it.driver.change(deaf=True)
        began = time.monotonic()

        eventually(lambda: it.listener.told)
        took = time.monotonic() - began
        it.driver.change(deaf=False)

        eventually(lambda: it.listener.told[:2] == [("lost", "unreachable"), "recovered"])
        assert FAST.proof <= took < FAST.silence + FAST.proof + 0.3

    def test_an_idle_line_that_answers_is_not_lost(self, laid: Lay) -> None:
        it = laid(pace=FAST._replace(silence=0.02, proof=0.5))
        it.driver.can_fall_silent = True
        it.subscribe("t")

        eventually(lambda: it.driver.probes >= 5)

        assert it.line.breaks == 0

    def test_a_line_that_can_not_fall_silent_is_left_alone(self, laid: Lay) -> None:
        it = laid(pace=FAST._replace(silence=0.02, proof=0.02))
        it.driver.answers_probes = False
        it.subscribe("t")

        eventually(lambda: it.driver.probes >= 5)

        assert it.line.breaks == 0

    def test_the_usual_pace_finds_it_within_three_and_a_half_seconds_and_idles(self, laid: Lay) -> None:
        usual = Pace()
        assert usual.silence + usual.proof <= 3.0
        it = laid(pace=usual)
        it.subscribe("t")
        before, cpu = it.driver.receives, time.process_time()

        threading.Event().wait(1.5)

        assert it.driver.receives - before <= 2
        assert time.process_time() - cpu < 0.1


class TestClosing:
    def test_it_ends_what_waits(self, laid: Lay) -> None:
        it = laid()
        it.subscribe("t")
        it.driver.change(confirms=False)
        unconfirmed = background(lambda: it.subscribe("u"))
        eventually(lambda: it.driver.feeds[0]._asked)

        it.line.close(time.monotonic() + PATIENCE)

        assert isinstance(unconfirmed(), Closed)
        with pytest.raises(Closed):
            it.subscribe("t")
        assert it.driver.feeds == []

    def test_it_ends_the_rebuilding(self, laid: Lay) -> None:
        it = laid(pace=FAST._replace(outage=(60.0, 60.0)))
        it.subscribe("t")
        it.driver.listen_error = Away()
        it.driver.break_line()
        it.listener.until(("lost", "unreachable"))
        waiting = background(lambda: it.subscribe("u"))

        it.line.close(time.monotonic() + PATIENCE)

        assert isinstance(waiting(), Closed)

    def test_a_line_that_was_never_opened_closes(self, laid: Lay) -> None:
        it = laid()

        it.line.close(time.monotonic())

        with pytest.raises(Closed):
            it.subscribe("t")


def test_pauses_grow_with_jitter_up_to_half_a_second_and_to_half_a_minute_when_refused() -> None:
    outages, refusals = Pauses(Pace()), Pauses(Pace())

    gone = [outages.next("unreachable") for _ in range(2000)]
    refused = [refusals.next("unauthenticated") for _ in range(2000)]

    assert gone[0] <= 0.05
    assert 0.05 <= min(gone[1:]) <= max(gone) <= 0.5
    assert max(gone[1:3]) < 0.5
    assert max(gone[100:]) - min(gone[100:]) > 0.4
    assert 5.0 <= min(refused) <= max(refused) <= 30.0
    assert sum(refused[:3]) > 10.0


class TestOddities:
    """What no driver should do, and what must not end in silence all the same."""

    @pytest.mark.parametrize("error", [SystemExit(), GeneratorExit()])
    def test_an_exit_in_a_driver_does_not_end_the_reader(self, laid: Lay, error: BaseException) -> None:
        it = laid()
        it.subscribe("t")

        it.driver.break_line(error)

        it.listener.until(("lost", "protocol"), "recovered")

    def test_an_effect_that_fails_fails_the_call_and_the_line(self, laid: Lay) -> None:
        it = laid()

        def effect(head: Head, now: float) -> None:
            raise KeyError

        with pytest.raises(Unavailable):
            it.line.subscribe("t", "m", effect, time.monotonic() + PATIENCE)

        it.listener.until(("lost", "protocol"), "recovered")

    def test_what_failed_on_an_earlier_feed_does_not_break_the_next_one(self, laid: Lay) -> None:
        it = laid()
        it.subscribe("t")
        [feed] = it.driver.feeds
        going = threading.Event()

        def slow(topics: Sequence[str]) -> None:
            assert going.wait(PATIENCE)
            raise LineBroke

        feed.subscribe = slow  # type: ignore[method-assign]
        asking = background(lambda: it.subscribe("u"))
        eventually(lambda: it.line._topics._asked)
        it.driver.break_line()
        it.listener.until(("lost", "unreachable"), "recovered")
        going.set()

        assert isinstance(asking(), Unavailable)
        it.subscribe("t")
        assert it.line.breaks == 1

    def test_an_outage_is_logged_once_and_again_when_its_reason_changes(
        self, laid: Lay, caplog: pytest.LogCaptureFixture
    ) -> None:
        it = laid()
        it.subscribe("t")
        it.driver.listen_error = Away()
        it.driver.break_line()
        eventually(lambda: it.driver.opened > 10)
        it.driver.listen_error = WrongPassword()
        eventually(lambda: it.line.code == "unauthenticated")

        logged = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]

        assert len(logged) == 2
        assert "is down: unreachable (LineBroke at" in logged[0]
        assert "is down: unauthenticated (WrongPassword at" in logged[1]

    def test_an_answer_that_nobody_asked_for_is_passed_over(self, laid: Lay) -> None:
        it = laid()
        it.subscribe("t")

        it.driver.feeds[0].subscribe(["u", "t"])
        it.publish("t", b"1")

        it.listener.until(b"1")
        assert it.line.breaks == 0
