"""Random faults, and the promise that they are told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dfbackends.errors import BackendError, OutcomeUnknown, Unavailable
from dfbackends.loss import Loss
from tests.drivers.faulty_pubsub import Away, Broker, NoAnswer
from tests.history import Fate, Sent, complaints
from tests.inbox import Inbox
from tests.pubsubs import FAST, Client
from tests.waiting import PATIENCE, eventually

PUBLISHERS = ("p", "q")
HARMLESS = ["publish p", "publish p", "publish q", "burst p", "publish twice p", "publish away p", "twice", "join"]
LOSSES = ["drop", "drop", "swap", "overflow", "not sent p", "unknown p", "break", "break", "break gently", "gone", "outage"]


class Gate(Inbox):
    """An inbox whose handler can be held up."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()
        self.open.set()

    def on_message(self, topic: str, data: Any) -> None:
        assert self.open.wait(PATIENCE)
        super().on_message(topic, data)


class Schedule:
    """A subscriber and two publishers to whom things happen."""

    def __init__(self, *, stamped: bool, resumable: bool, max_messages: int) -> None:
        broker = Broker()
        options: dict[str, Any] = {"stamped": stamped, "resumable": resumable, "pace": FAST}
        self.reader = Client(broker, **options)
        self.publishers = {name: Client(broker, **options) for name in PUBLISHERS}
        self.max_messages = max_messages
        self.calls: list[Sent] = []
        self.joined: list[tuple[int, Gate]] = []
        self.join()

    def join(self) -> None:
        gate = Gate()
        subscribed = False
        while not subscribed:
            # A line that breaks before it has confirmed fails the call, rightly.
            with suppress(Unavailable):
                self.reader.pubsub.subscribe("t", gate.on_message, on_loss=gate.on_loss, max_messages=self.max_messages)
                subscribed = True
        self.joined.append((len(self.calls), gate))

    def publish(self, name: str, *errors: Exception | None, done: bool = True) -> None:
        client = self.publishers[name]
        client.driver.unanswered_is_done = done
        client.driver.publish_errors.extend(errors)
        number = len(self.calls)
        try:
            client.publish([name, number])
        except OutcomeUnknown:
            self.calls.append(Sent(name, number, Fate.UNKNOWN))
        except BackendError:
            self.calls.append(Sent(name, number, Fate.NOT_SENT))
        else:
            self.calls.append(Sent(name, number))

    def do(self, step: str) -> None:
        if step in ("drop", "twice", "swap"):
            self.reader.driver.wire["n/t"].append(step)  # type: ignore[arg-type]
        elif step in _STEPS:
            _STEPS[step](self)
        else:
            self.publish(step[-1])

    def burst(self) -> None:
        for _ in range(4):
            self.publish("p")

    def overflow(self) -> None:
        for _, gate in self.joined:
            gate.open.clear()
        for _ in range(12):
            self.publish("q")
        for _, gate in self.joined:
            gate.open.set()

    def outage(self) -> None:
        self.reader.driver.listen_error = Away()
        self.reader.driver.break_line()
        self.publish("p")
        self.publish("q")
        self.reader.driver.listen_error = None

    def line_breaks(self, *, loses: bool = True, gone: bool = False) -> None:
        self.reader.driver.loses = loses
        self.reader.driver.gone = gone
        self.reader.driver.break_line()

    def end(self) -> None:
        """Let the last of each publisher come, and stop."""
        self.reader.driver.gone = False
        self.settle()
        self.reader.driver.wire["n/t"].clear()
        for client in self.publishers.values():
            client.pubsub.close()
        self.reader.publish("end")
        for _, gate in self.joined:
            gate.until("end")
        self.reader.pubsub.close()

    def settle(self) -> None:
        eventually(lambda: self.reader.driver.up_to_date and self.reader.pubsub.health().live == len(self.joined))

    def histories(self) -> list[tuple[list[Sent], list[tuple[str, int] | Loss]]]:
        """Return what each subscriber could get, and what it got."""
        found = []
        for place, gate in self.joined:
            # What was published before is not his, but may come while it is on its way.
            calls = [call._replace(fate=Fate.UNKNOWN) if at < place else call for at, call in enumerate(self.calls)]
            story = [item if isinstance(item, Loss) else (item[0], item[1]) for item in gate.items if item != "end"]
            found.append((calls, story))
        return found


_STEPS: dict[str, Callable[[Schedule], object]] = {
    "join": Schedule.join,
    "overflow": Schedule.overflow,
    "outage": Schedule.outage,
    "break": Schedule.line_breaks,
    "break gently": lambda it: it.line_breaks(loses=False),
    "gone": lambda it: it.line_breaks(gone=True),
    "settle": Schedule.settle,
    "burst p": Schedule.burst,
    "publish twice p": lambda it: it.publish("p", NoAnswer(), NoAnswer(), None),
    "publish away p": lambda it: it.publish("p", Away(), Away(), None),
    "not sent p": lambda it: it.publish("p", *[Away() for _ in range(4)]),
    "unknown p": lambda it: it.publish("p", *[NoAnswer() for _ in range(4)], done=False),
}


def run(steps: list[str], *, stamped: bool, resumable: bool, max_messages: int = 1000) -> Schedule:
    schedule = Schedule(stamped=stamped, resumable=resumable, max_messages=max_messages)
    try:
        for step in steps:
            schedule.do(step)
    finally:
        schedule.end()
    return schedule


@settings(max_examples=200, deadline=None)
@given(
    steps=st.lists(st.sampled_from([*HARMLESS, *LOSSES, "settle"]), max_size=25), stamped=st.booleans(), resumable=st.booleans()
)
def test_no_message_is_missing_without_a_loss_between_its_neighbours(steps: list[str], stamped: bool, resumable: bool) -> None:
    schedule = run(steps, stamped=stamped, resumable=resumable, max_messages=5)

    for calls, story in schedule.histories():
        assert complaints(calls, story) == []


@settings(max_examples=80, deadline=None)
@given(steps=st.lists(st.sampled_from([*HARMLESS, "settle"]), max_size=15), resumable=st.booleans())
def test_nothing_is_told_where_nothing_could_be_lost(steps: list[str], resumable: bool) -> None:
    schedule = run(steps, stamped=True, resumable=resumable)

    for calls, story in schedule.histories():
        assert complaints(calls, story) == []
        assert [item for item in story if isinstance(item, Loss)] == []


def test_the_checker_sees_a_subscriber_who_is_told_nothing() -> None:
    schedule = run(["drop", "publish p", "publish p"], stamped=True, resumable=True)

    [(calls, story)] = schedule.histories()
    untold = [item for item in story if not isinstance(item, Loss)]
    assert complaints(calls, story) == []
    assert complaints(calls, untold) == ["p: 0 is missing"]
