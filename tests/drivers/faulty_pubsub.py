"""A carrier of messages that implements the contract in memory, and fails on demand."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Literal

from dfbackends.api import Alive, Confirmed, Denied, Feed, Gone, Limits, Message, Position, PubSubApi
from dfbackends.errors import ErrorTable, Meaning, OutcomeUnknown, Refused, Unavailable

Event = Message | Confirmed[str] | Denied[str] | Alive
OnTheWire = Literal["pass", "drop", "twice", "swap", "garble"]


class Away(Exception):
    """Nothing can be sent now."""


class NoAnswer(Exception):
    """The answer did not come."""


class NotAllowed(Exception):
    """The backend says no."""


class WrongPassword(Exception):
    """The backend does not know us."""


class LineBroke(Exception):
    """The line has ended."""


class Broker:
    """What the drivers of one backend share: all that was ever published."""

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.Lock())
        self.log: list[Message] = []
        self.heads: defaultdict[str, str] = defaultdict(str)

    def send(self, messages: Sequence[Message]) -> None:
        with self.changed:
            for topic, data, _, _ in messages:
                head = f"h{len(self.log) + 1}"
                self.log.append(Message(topic, data, self.heads[topic], head))
                self.heads[topic] = head
            self.changed.notify_all()


class FaultyFeed(Feed[str, Message]):
    """Follows the log of the broker through a wire on which things happen."""

    def __init__(self, driver: FaultyPubSub, after: Position | None) -> None:
        self._driver = driver
        self._broker = driver.broker
        # Guarded by broker.changed, with all that follows.
        self._asked: deque[tuple[bool, str]] = deque()
        self._topics: dict[str, int] = {}
        self._alive: list[Event] = []
        self._swapped: dict[str, Message] = {}
        self._error: BaseException | None = None
        self._next = len(self._broker.log) if after is None else int(after)
        self._resumes = after is not None

    @property
    def behind(self) -> int:
        """How many messages of the log it has not looked at."""
        return len(self._broker.log) - self._next

    @property
    def position(self) -> Position | None:
        return Position(str(self._next)) if self._driver.resumable else None

    def subscribe(self, topics: Sequence[str]) -> None:
        if self._driver.subscribe_errors:
            raise self._driver.subscribe_errors.popleft()
        with self._broker.changed:
            self._asked.extend((True, topic) for topic in topics)
            self._broker.changed.notify_all()

    def unsubscribe(self, topics: Sequence[str]) -> None:
        with self._broker.changed:
            self._asked.extend((False, topic) for topic in topics)
            self._broker.changed.notify_all()

    def receive(self, timeout: float) -> Sequence[Event]:
        until = time.monotonic() + timeout
        with self._broker.changed:
            self._driver.receives += 1
            while True:
                found = self._at_hand()
                remaining = until - time.monotonic()
                if found or remaining <= 0:
                    return found
                self._broker.changed.wait(remaining)

    def _at_hand(self) -> list[Event]:
        if self._driver.deaf and self._error is None:
            return []
        found: list[Event] = []
        if self._resumes and not self._driver.confirms and self._error is None:
            return []
        if self._resumes:
            self._resumes = False
            found += self._answers()
        if self._error is None or not self._driver.loses:
            while self._next < len(self._broker.log):
                message = self._broker.log[self._next]
                self._next += 1
                if message.topic in self._topics:
                    found += self._through_the_wire(message)
        if self._error is not None and not found:
            raise self._error
        found += self._answers()
        found += self._alive
        self._alive = []
        return found

    def _answers(self) -> list[Event]:
        found: list[Event] = []
        while self._asked and (self._driver.confirms or not self._asked[0][0]):
            wanted, topic = self._asked.popleft()
            if not wanted:
                self._topics.pop(topic, None)
            elif topic in self._driver.denied:
                found.append(Denied(topic, NotAllowed("secret")))
            else:
                self._topics.setdefault(topic, self._next)
                found.append(Confirmed(topic, self._head(topic) if self._driver.stamped else ""))
        return found

    def _head(self, topic: str) -> str:
        heads = [message.head for message in self._broker.log[: self._next] if message.topic == topic]
        return heads[-1] if heads else ""

    def _through_the_wire(self, message: Message) -> list[Message]:
        if not self._driver.stamped:
            message = message._replace(prev="", head="")
        waiting = self._driver.wire[message.topic]
        fate = waiting.popleft() if waiting else "pass"
        if fate == "garble":
            message = message._replace(data=b"\xff" + message.data[1:])
        if fate == "swap" and message.topic not in self._swapped:
            self._swapped[message.topic] = message
            return []
        after = self._swapped.pop(message.topic, None)
        found = [] if fate == "drop" else [message] * (2 if fate == "twice" else 1)
        return found if after is None else [*found, after]

    def probe(self) -> bool:
        self._driver.probes += 1
        with self._broker.changed:
            if self._driver.answers_probes:
                self._alive.append(Alive())
                self._broker.changed.notify_all()
        return self._driver.can_fall_silent

    def close(self) -> None:
        self.fail(LineBroke("closed"))

    def fail(self, error: BaseException) -> None:
        with self._broker.changed:
            self._error = self._error or error
            self._broker.changed.notify_all()
            if self in self._driver.feeds:
                self._driver.feeds.remove(self)


class FaultyPubSub(PubSubApi):
    """One client of a broker. What is to go wrong is said by its attributes."""

    errors: ErrorTable = (
        Meaning(Away, None, Unavailable, "unreachable"),
        Meaning(LineBroke, None, OutcomeUnknown, "unreachable"),
        Meaning(NoAnswer, None, OutcomeUnknown, "unreachable"),
        Meaning(NotAllowed, None, Refused, "forbidden"),
        Meaning(WrongPassword, None, Refused, "unauthenticated"),
    )

    def __init__(self, broker: Broker | None = None, *, stamped: bool = True, resumable: bool = False) -> None:
        self.broker = broker or Broker()
        self.stamped = stamped
        self.resumable = resumable
        self.limits = Limits()
        self.feeds: list[FaultyFeed] = []
        self.opened = 0
        self.closed = False
        self.receives = 0
        self.probes = 0
        self.published: list[Sequence[Message]] = []
        """All calls of publish, also those that failed."""

        self.wire: defaultdict[str, deque[OnTheWire]] = defaultdict(deque)
        """What happens to the next messages of a topic."""
        self.publish_errors: deque[Exception | None] = deque()
        """Raised by the next calls, after publishing where it is a NoAnswer; None does not fail."""
        self.unanswered_is_done = True
        """Whether a publish that raises NoAnswer was done."""
        self.publishing = threading.Event()
        """Publishing waits for it."""
        self.publishing.set()
        self.listen_errors: deque[Exception | None] = deque()
        """Raised by the next calls."""
        self.listen_error: Exception | None = None
        """Raised by all calls."""
        self.subscribe_errors: deque[Exception] = deque()
        self.denied: set[str] = set()
        self.confirms = True
        self.loses = True
        """Whether a breaking line loses what is at hand."""
        self.deaf = False
        self.can_fall_silent = False
        self.answers_probes = True
        self.gone = False
        """Whether no feed can go on from a position."""

    def publish(self, messages: Sequence[Message]) -> None:
        self.published.append(messages)
        assert self.publishing.wait(20)
        error = self.publish_errors.popleft() if self.publish_errors else None
        if error is None or (isinstance(error, NoAnswer) and self.unanswered_is_done):
            self.broker.send(messages)
        if error is not None:
            raise error

    def listen(self, after: Position | None = None) -> Feed[str, Message]:
        self.opened += 1
        error = self.listen_errors.popleft() if self.listen_errors else self.listen_error
        if error is not None:
            raise error
        if after is not None and self.gone:
            raise Gone
        feed = FaultyFeed(self, after)
        with self.broker.changed:
            self.feeds.append(feed)
        return feed

    def close(self) -> None:
        self.closed = True

    def break_line(self, error: BaseException | None = None) -> None:
        """End all lines of this client."""
        for feed in list(self.feeds):
            feed.fail(error or LineBroke("broken"))

    @property
    def up_to_date(self) -> bool:
        """Whether a line has brought all that was published."""
        with self.broker.changed:
            return bool(self.feeds) and all(feed.behind == 0 for feed in self.feeds)

    def change(self, **attributes: object) -> None:
        """Set attributes that waiting feeds have to notice."""
        with self.broker.changed:
            for name, value in attributes.items():
                assert hasattr(self, name)
                setattr(self, name, value)
            self.broker.changed.notify_all()
