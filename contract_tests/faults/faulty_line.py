"""A line that breaks, falls silent, is slow, and loses and invents what it carries on demand, around one that does not."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from contract_tests.fault import Fault
from contract_tests.plan import Plan
from dfbackends.api import Alive, Change, Confirmed, Denied, Feed, Gone, Message, Position, Stream

T = TypeVar("T", bound=Hashable)
M = TypeVar("M")

_STEP = 0.02
_LATENCY = 0.3


class LineBroke(Exception):
    """The line from the backend has ended."""


class NotAllowed(Exception):
    """The backend refuses this topic."""


class _FaultyFeed(Feed[T, M], Generic[T, M]):
    """Does what the plan says with what arrives."""

    def __init__(
        self, listen: Callable[[Position | None], Feed[T, M]], after: Position | None, plan: Plan, *, forgets: bool
    ) -> None:
        with plan.changed:
            self._broken, self._gone = plan.broken, plan.gone
        if after is not None:
            # The count of wipes stands in the position: one from before a wipe is not known any more.
            wipes, _, inner = after.partition("@")
            if forgets or int(wipes) != self._gone:
                raise Gone("this position is not known")
            after = Position(inner)
        self._feed = listen(after)
        self._plan = plan
        self._forgets = forgets
        # Guarded by plan.changed.
        self._injected: deque[M | Confirmed[T] | Denied[T] | Alive] = deque()
        self._dropping: Counter[str] = Counter()
        self._late: deque[tuple[float, M | Confirmed[T] | Denied[T] | Alive]] = deque()

    @abstractmethod
    def _name(self, topic: T) -> str:
        """Return what the plan calls a topic."""

    @abstractmethod
    def _topic(self, item: M) -> T:
        """Return the topic of what arrived."""

    def _without_head(self, item: M | Confirmed[T] | Denied[T] | Alive) -> M | Confirmed[T] | Denied[T] | Alive:
        """Return what a backend that forgets would send."""
        return item

    @property
    def position(self) -> Position | None:
        inner = self._feed.position
        return None if self._forgets or inner is None else Position(f"{self._gone}@{inner}")

    def subscribe(self, topics: Sequence[T]) -> None:
        with self._plan.changed:
            denied = [topic for topic in topics if self._name(topic) in self._plan.denied]
            self._injected.extend(Denied(topic, NotAllowed(topic)) for topic in denied)
            self._plan.hit(Fault.DENIED, len(denied))
        self._feed.subscribe([topic for topic in topics if topic not in denied])

    def unsubscribe(self, topics: Sequence[T]) -> None:
        self._feed.unsubscribe(topics)

    def receive(self, timeout: float) -> Sequence[M | Confirmed[T] | Denied[T] | Alive]:
        until = time.monotonic() + timeout
        while True:
            remaining = max(0.0, until - time.monotonic())
            found = self._received(min(remaining, _STEP))
            if found or remaining == 0.0:
                return found

    def _received(self, timeout: float) -> list[M | Confirmed[T] | Denied[T] | Alive]:
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
            kept = [item for item in self._feed.receive(timeout) if isinstance(item, Confirmed | Denied | Alive)]
            with plan.changed:
                self._injected.extend(map(self._without_head, kept) if self._forgets else kept)
            return []
        for item in self._feed.receive(0 if found else timeout):
            if isinstance(item, Confirmed | Denied | Alive) or not self._dropped(self._topic(item)):
                found.append(self._without_head(item) if self._forgets else item)
        now = time.monotonic()
        self._late.extend((now + _LATENCY if slow else now, item) for item in found)
        ready = []
        while self._late and self._late[0][0] <= now:
            ready.append(self._late.popleft()[1])
        return ready

    def _check(self) -> None:
        if self._plan.broken != self._broken:
            raise LineBroke

    def _dropped(self, topic: T) -> bool:
        name = self._name(topic)
        with self._plan.changed:
            if not self._dropping[name]:
                return False
            self._dropping[name] -= 1
            self._plan.hit(Fault.DROPPED)
            return True

    def probe(self) -> bool:
        if self._plan.on_network:
            return self._feed.probe()
        with self._plan.changed:
            if Fault.DEAF not in self._plan.state:
                self._injected.append(Alive())
        return True

    def close(self) -> None:
        self._feed.close()

    def drop(self, name: str, items: int) -> None:
        """Remove the next messages of a topic, or changes of a table."""
        self._dropping[name] += items


class FaultyMessages(_FaultyFeed[str, Message]):
    """Messages of topics; they come without heads where the backend keeps no log."""

    def __init__(
        self, listen: Callable[[Position | None], Feed[str, Message]], after: Position | None, plan: Plan, *, forgets: bool
    ) -> None:
        super().__init__(listen, after, plan, forgets=forgets)
        with plan.changed:
            plan.lines.append(self)

    def _name(self, topic: str) -> str:
        return topic

    def _topic(self, item: Message) -> str:
        return item.topic

    def _without_head(
        self, item: Message | Confirmed[str] | Denied[str] | Alive
    ) -> Message | Confirmed[str] | Denied[str] | Alive:
        if isinstance(item, Message):
            return Message(item.topic, item.data)
        return Confirmed(item.topic) if isinstance(item, Confirmed) else item

    def close(self) -> None:
        with self._plan.changed:
            if self in self._plan.lines:
                self._plan.lines.remove(self)
        super().close()

    def insert(self, topic: str, data: bytes) -> None:
        """Let bytes arrive on a topic."""
        self._injected.append(Message(topic, data))


class FaultyChanges(_FaultyFeed[Stream, Change]):
    """Changes of tables; the plan is told of each that arrives."""

    def __init__(
        self, watch: Callable[[Position | None], Feed[Stream, Change]], after: Position | None, plan: Plan, *, forgets: bool
    ) -> None:
        super().__init__(watch, after, plan, forgets=forgets)
        with plan.changed:
            plan.change_lines.append(self)

    def _name(self, topic: Stream) -> str:
        return topic.table.name

    def _topic(self, item: Change) -> Stream:
        return item.stream

    def _received(self, timeout: float) -> list[Change | Confirmed[Stream] | Denied[Stream] | Alive]:
        found = super()._received(timeout)
        for item in found:
            if isinstance(item, Change):
                self._plan.carry(item.stream.table.name, item.stream.topic or "")
        return found

    def close(self) -> None:
        with self._plan.changed:
            if self in self._plan.change_lines:
                self._plan.change_lines.remove(self)
        super().close()
