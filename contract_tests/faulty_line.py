"""A line of messages that breaks, falls silent, loses and invents messages on demand, around one that does not."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence

from contract_tests.fault import Fault
from contract_tests.plan import Plan
from dfbackends.api import Alive, Confirmed, Denied, Feed, Gone, Message, Position, PubSubApi

Received = Message | Confirmed[str] | Denied[str] | Alive

_STEP = 0.02
_LATENCY = 0.3


class LineBroke(Exception):
    """The line from the backend has ended."""


class NotAllowed(Exception):
    """The backend refuses this topic."""


class FaultyFeed(Feed[str, Message]):
    """Does what the plan says with what arrives."""

    def __init__(self, driver: PubSubApi, after: Position | None, plan: Plan, *, forgets: bool) -> None:
        with plan.changed:
            self._broken, self._gone = plan.broken, plan.gone
        if after is not None:
            # The count of wipes stands in the position: one from before a wipe is not known any more.
            wipes, _, inner = after.partition("@")
            if forgets or int(wipes) != self._gone:
                raise Gone("this position is not known")
            after = Position(inner)
        self._feed = driver.listen(after)
        self._plan = plan
        self._forgets = forgets
        # Guarded by plan.changed.
        self._injected: deque[Received] = deque()
        self._dropping: Counter[str] = Counter()
        self._late: deque[tuple[float, Received]] = deque()
        with plan.changed:
            plan.lines.append(self)

    @property
    def position(self) -> Position | None:
        inner = self._feed.position
        return None if self._forgets or inner is None else Position(f"{self._gone}@{inner}")

    def subscribe(self, topics: Sequence[str]) -> None:
        with self._plan.changed:
            denied = [topic for topic in topics if topic in self._plan.denied]
            self._injected.extend(Denied(topic, NotAllowed(topic)) for topic in denied)
        self._feed.subscribe([topic for topic in topics if topic not in denied])

    def unsubscribe(self, topics: Sequence[str]) -> None:
        self._feed.unsubscribe(topics)

    def receive(self, timeout: float) -> Sequence[Received]:
        until = time.monotonic() + timeout
        while True:
            remaining = max(0.0, until - time.monotonic())
            found = self._received(min(remaining, _STEP))
            if found or remaining == 0.0:
                return found

    def _received(self, timeout: float) -> list[Received]:
        plan = self._plan
        with plan.changed:
            self._check()
            deaf = Fault.DEAF in plan.state
            slow = Fault.SLOW in plan.state
            found = [] if deaf else list(self._injected)
            if not deaf:
                self._injected.clear()
        if deaf:
            # As in a network that swallows packets, messages are lost, and not only late.
            kept = [item for item in self._feed.receive(timeout) if not isinstance(item, Message)]
            with plan.changed:
                self._injected.extend(map(_without_head, kept) if self._forgets else kept)
            return []
        for item in self._feed.receive(0 if found else timeout):
            if not isinstance(item, Message) or not self._dropped(item.topic):
                found.append(_without_head(item) if self._forgets else item)
        now = time.monotonic()
        self._late.extend((now + _LATENCY if slow else now, item) for item in found)
        ready = []
        while self._late and self._late[0][0] <= now:
            ready.append(self._late.popleft()[1])
        return ready

    def _check(self) -> None:
        if self._plan.broken != self._broken:
            raise LineBroke

    def _dropped(self, topic: str) -> bool:
        with self._plan.changed:
            if not self._dropping[topic]:
                return False
            self._dropping[topic] -= 1
            return True

    def probe(self) -> bool:
        with self._plan.changed:
            if Fault.DEAF not in self._plan.state:
                self._injected.append(Alive())
        return True

    def close(self) -> None:
        with self._plan.changed:
            if self in self._plan.lines:
                self._plan.lines.remove(self)
        self._feed.close()

    def drop(self, topic: str, messages: int) -> None:
        """Remove the next messages of a topic."""
        self._dropping[topic] += messages

    def insert(self, topic: str, data: bytes) -> None:
        """Let bytes arrive on a topic."""
        self._injected.append(Message(topic, data))


def _without_head(item: Received) -> Received:
    """Return what a backend that keeps no log would send."""
    if isinstance(item, Message):
        return Message(item.topic, item.data)
    return Confirmed(item.topic) if isinstance(item, Confirmed) else item
