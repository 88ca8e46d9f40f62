"""What waits for one handler: messages within bounds, and notices of loss in their places."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

from dfbackends.loss import Loss, Reason

Policy = Literal["drop_oldest", "drop_newest"]
"""Which messages a full backlog gives up."""

_OUTDATED = {
    Reason.DOWN: {Reason.DOWN, Reason.RESUMED},
    Reason.RESUMED: {Reason.RESUMED},
    # Never by RESUMED: a subscriber who was not told yet that he was cleared has to be.
    Reason.RECOVERED: {Reason.RECOVERED, Reason.RESUMED},
}


_WEIGHT = 64
"""What a message costs beside its bytes."""


class Backlog:
    """A queue of messages (bytes) and notices. Not for several threads: it stands under the lock of its owner.

    A full backlog gives up messages by its policy, and tells how many in their place. Notices are never given up; those
    that no message parts are merged into five at most. Its *load* is what it holds: bytes of messages, and 64 for each.
    """

    def __init__(self, topic: str, *, policy: Policy, max_messages: int, max_bytes: int) -> None:
        if policy not in get_args(Policy):
            raise ValueError(f"policy is {' or '.join(get_args(Policy))}")
        if max_messages < 1 or max_bytes < 1:
            raise ValueError("max_messages and max_bytes are at least 1")
        self.messages: int = 0
        self.bytes: int = 0
        self.dropped: int = 0
        self._topic = topic
        self._oldest_first = policy == "drop_oldest"
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._at_once = max(1, min(max_messages // 16, 64))
        self._items: deque[bytes | Loss] = deque()

    @property
    def load(self) -> int:
        """What it holds."""
        return self.bytes + _WEIGHT * self.messages

    def put(self, item: bytes | Loss) -> int:
        """Add something at the end, and return by how much the load grew."""
        if isinstance(item, Loss):
            self._items.extend(merged([*self._notices_at_the_end(), item]))
            return 0
        size = len(item)
        self._items.append(item)
        self.messages += 1
        self.bytes += size
        if self.messages <= self._max_messages and self.bytes <= self._max_bytes:
            return size + _WEIGHT
        before = self.load - size - _WEIGHT
        while self.messages > self._max_messages or self.bytes > self._max_bytes:
            self._shed()
        return self.load - before

    def take(self) -> tuple[list[bytes | Loss], int]:
        """Remove some from the start, and return them with their load.

        They are a sixteenth of what it may hold, or one, so that it holds not much more while they are handled.
        """
        some: list[bytes | Loss] = []
        before = self.load
        least = self.bytes - self._max_bytes // 16
        while self._items and len(some) < self._at_once and (not some or self.bytes > least):
            some.append(self._first())
        return some, before - self.load

    def put_back(self, some: Sequence[bytes | Loss]) -> int:
        """Return to the start what was taken, and return by how much the load grew."""
        before = self.load
        # Both may have notices where they meet.
        last = len(some)
        while last and isinstance(some[last - 1], Loss):
            last -= 1
        notices = [item for item in some[last:] if isinstance(item, Loss)]
        self._items.extendleft(reversed(merged([*notices, *self._notices_at_the_start()])))
        self._items.extendleft(reversed(some[:last]))
        messages = [item for item in some if isinstance(item, bytes)]
        self.messages += len(messages)
        self.bytes += sum(map(len, messages))
        while self.messages > self._max_messages or self.bytes > self._max_bytes:
            self._shed()
        return self.load - before

    def shed_half(self) -> int:
        """Give up messages by the policy until it holds half, and return by how much the load shrank; there are some."""
        before = self.load
        while self.messages and self.load > before // 2:
            self._shed()
        return before - self.load

    def clear(self) -> int:
        """Give up everything, untold, and return its load."""
        load = self.load
        self._items.clear()
        self.messages = self.bytes = 0
        return load

    def __bool__(self) -> bool:
        return bool(self._items)

    def _shed(self) -> None:
        lost = Loss(Reason.OVERFLOW, self._topic, 1)
        if self._oldest_first:
            before = self._notices_at_the_start()
            self._first()
            self._items.extendleft(reversed(merged([*before, lost, *self._notices_at_the_start()])))
        else:
            after = self._notices_at_the_end()
            self._forget(self._items.pop())
            self._items.extend(merged([*self._notices_at_the_end(), lost, *after]))
        self.dropped += 1

    def _first(self) -> bytes | Loss:
        item = self._items.popleft()
        self._forget(item)
        return item

    def _forget(self, item: bytes | Loss) -> None:
        if item.__class__ is bytes:
            self.messages -= 1
            self.bytes -= len(item)

    def _notices_at_the_start(self) -> list[Loss]:
        notices = []
        while self._items and isinstance(item := self._items[0], Loss):
            notices.append(item)
            self._items.popleft()
        return notices

    def _notices_at_the_end(self) -> list[Loss]:
        notices = []
        while self._items and isinstance(item := self._items[-1], Loss):
            notices.append(item)
            self._items.pop()
        return notices[::-1]


def merged(notices: Iterable[Loss]) -> list[Loss]:
    """Return the fewest notices that tell the same, of some that follow each other without a message between."""
    run: list[Loss] = []
    for loss in notices:
        if outdated := _OUTDATED.get(loss.reason):
            run = [other for other in run if other.reason not in outdated]
            run.append(loss)
            continue
        for place, other in enumerate(run):
            if other.reason is loss.reason:
                run[place] = loss._replace(missed=_sum(other.missed, loss.missed))
                break
        else:
            run.append(loss)
    return run


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
