"""What waits for one handler: messages within bounds, and notices of loss in their places."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
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


class Backlog:
    """A queue of messages (bytes) and notices. Not for several threads: it stands under the lock of its owner.

    A full backlog gives up messages by its policy, and tells how many in their place. Notices are never given up; those
    that no message parts are merged into five at most.
    """

    def __init__(self, topic: str, *, policy: Policy, max_messages: int, max_bytes: int) -> None:
        if policy not in get_args(Policy):
            raise ValueError(f"policy is {' or '.join(get_args(Policy))}")
        if max_messages < 1 or max_bytes < 1:
            raise ValueError("max_messages and max_bytes are at least 1")
        self.messages = 0
        self.bytes = 0
        self.dropped = 0
        self._topic = topic
        self._oldest_first = policy == "drop_oldest"
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._items: deque[bytes | Loss] = deque()

    def add(self, message: bytes) -> None:
        """Add a message at the end."""
        self._items.append(message)
        self.messages += 1
        self.bytes += len(message)
        while self.messages > self._max_messages or self.bytes > self._max_bytes:
            self.shed()

    def tell(self, loss: Loss) -> None:
        """Add a notice at the end."""
        run = self._notices_at_the_end()
        self._items.extend(merged([*run, loss]))

    def take(self) -> bytes | Loss | None:
        """Remove and return what is first, None where there is nothing."""
        if not self._items:
            return None
        item = self._items.popleft()
        if isinstance(item, bytes):
            self.messages -= 1
            self.bytes -= len(item)
        return item

    def shed(self) -> None:
        """Give up one message by the policy; there is one."""
        lost = Loss(Reason.OVERFLOW, self._topic, 1)
        if self._oldest_first:
            before = self._notices_at_the_start()
            message = self.take()
            self._items.extendleft(reversed(merged([*before, lost, *self._notices_at_the_start()])))
        else:
            after = self._notices_at_the_end()
            message = self._items.pop()
            assert isinstance(message, bytes)
            self.messages -= 1
            self.bytes -= len(message)
            self._items.extend(merged([*self._notices_at_the_end(), lost, *after]))
        self.dropped += 1

    def clear(self) -> None:
        """Give up everything, untold."""
        self._items.clear()
        self.messages = self.bytes = 0

    def __bool__(self) -> bool:
        return bool(self._items)

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
