"""Messages that come back: published to the private channel of a line by other ways in than that line."""

from __future__ import annotations

import time

from dfbackends_redis.node import Node
from dfbackends_redis.requests import Requests
from dfbackends_redis.resp import pack
from dfbackends_redis.wire import Wire

_AVOIDED_FOR = 5.0


class Pulse:
    """Lines to the other servers, or one more to the only one. One thread uses it, and it never waits for an answer: those
    that are missing when more is to be sent show that a way is closed."""

    def __init__(self, requests: Requests, node: Node, channel: bytes, patience: float) -> None:
        self._requests = requests
        self._node = node
        self._channel = channel
        self._patience = patience
        self._ways: dict[Node, _Way] = {}
        self._avoided: dict[Node, float] = {}
        self._forbidden = False
        self._count = 0

    @property
    def others(self) -> bool:
        """Whether there are other servers than the one of the line."""
        return any(node is not self._node for node in self._masters())

    def send(self) -> set[bytes]:
        """Send one message by each way that is open; return what will arrive."""
        masters = self._masters()
        nodes = [node for node in masters if node is not self._node] or masters
        now = time.monotonic()
        for node in [node for node in self._ways if node not in nodes]:
            self._ways.pop(node).wire.close()
        sent = set()
        for node in nodes:
            if self._forbidden or now < self._avoided.get(node, 0.0):
                continue
            self._count += 1
            text = b"%d" % self._count
            try:
                way = self._ways.get(node) or self._ways.setdefault(node, _Way(node.dial("dfb-pulse")))
                self._forbidden = way.collect(now, self._patience) or self._forbidden
                way.wire.send(pack(("PUBLISH", self._channel, text)))
            except Exception as error:  # noqa: BLE001 - whatever it is, this way is closed.
                self._close(node, error)
            else:
                way.unanswered.append(now)
                sent.add(text)
        return sent

    def open(self) -> bool:
        """Return whether any way is open still: what was sent by one that has closed may never arrive."""
        now = time.monotonic()
        for node, way in list(self._ways.items()):
            try:
                self._forbidden = way.collect(now, self._patience) or self._forbidden
            except Exception as error:  # noqa: BLE001
                self._close(node, error)
        return bool(self._ways)

    def close(self) -> None:
        """Close the lines."""
        while self._ways:
            self._ways.popitem()[1].wire.close()

    def _close(self, node: Node, error: Exception) -> None:
        self._requests.servers.failed(node, error)
        self._avoided[node] = time.monotonic() + _AVOIDED_FOR
        if node in self._ways:
            self._ways.pop(node).wire.close()

    def _masters(self) -> list[Node]:
        try:
            return self._requests.servers.masters()
        except Exception:  # noqa: BLE001 - nobody can be asked for another way.
            return []


class _Way:
    """A line, and when what was not answered yet was sent."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.unanswered: list[float] = []

    def collect(self, now: float, patience: float) -> bool:
        """Read the answers that have come; return whether we may not publish.

        :raises TimeoutError: one is overdue
        :raises redis.ConnectionError: the line has ended
        """
        while self.unanswered and self.wire.readable:
            answer = self.wire.reply()
            del self.unanswered[0]
            if isinstance(answer, Exception):
                return True
        if self.unanswered and now - self.unanswered[0] > patience:
            raise TimeoutError
        if not self.unanswered and self.wire.readable:
            self.wire.reply()
        return False
