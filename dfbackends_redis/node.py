"""One server, and the lines to it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator

from dfbackends_redis.access import Access, Address
from dfbackends_redis.errors import Crowded, HandleClosed
from dfbackends_redis.scripts import ALL, Script
from dfbackends_redis.wire import Wire

_IDLE = 30.0


class Node:
    """Lines are kept and used again, the one used last first; all but one are closed when they have been idle for long."""

    def __init__(self, address: Address, access: Access, *, most: int, name: str, scripts: tuple[Script, ...] = ALL) -> None:
        self.address = address
        self._access = access
        self._most = most
        self._name = name
        self._scripts = scripts
        # Its ends are used by one operation each, without the lock.
        self._idle: deque[Wire] = deque()
        # Guards the number of lines and which there are, and is told when one has come back.
        self._returned = threading.Condition()
        self._lines = 0
        self._wires: set[Wire] = set()
        self._waiting = 0
        self._closed = False

    def __repr__(self) -> str:
        return f"<Node {self.address}>"

    def take(self) -> Wire:
        """Return a line that is yours until ``give`` or ``drop``.

        :raises NotConnected: there is none
        :raises Crowded: all are in use, for longer than the time-out
        :raises HandleClosed: the node is closed
        """
        while True:
            try:
                wire = self._idle.pop()
            except IndexError:
                return self._new()
            if wire.well:
                return wire
            self.drop(wire)

    def give(self, wire: Wire) -> None:
        """Return a line on which nothing is under way."""
        wire.used = time.monotonic()
        self._idle.append(wire)
        if self._waiting:
            with self._returned:
                self._returned.notify()
        if self._closed:
            self._empty()
        elif len(self._idle) > 1:
            self._thin(wire.used)

    def drop(self, wire: Wire) -> None:
        """Return a line that is not to be used again."""
        wire.close()
        with self._returned:
            self._wires.discard(wire)
            self._lines -= 1
            self._returned.notify()

    @contextlib.contextmanager
    def line(self) -> Iterator[Wire]:
        """Give a line for a block, and drop it where the block raises."""
        wire = self.take()
        try:
            yield wire
        except BaseException:
            self.drop(wire)
            raise
        self.give(wire)

    def dial(self, name: str) -> Wire:
        """Return a line of one's own, which is not counted.

        :raises NotConnected: there is none
        """
        if self._closed:
            raise HandleClosed
        return self._access.line(self.address, name)

    def warm(self) -> None:
        """Open a line, if there is none.

        :raises NotConnected: that is not possible
        """
        self.give(self.take())

    def rest(self) -> None:
        """Close the lines that are idle, until one is needed again."""
        self._empty()

    @property
    def connected(self) -> bool:
        """Whether a line is open, as far as is known."""
        return bool(self._idle)

    def close(self) -> None:
        """Close the lines; those in use are closed when they come back."""
        with self._returned:
            self._closed = True
            self._returned.notify_all()
        self._empty()

    def end(self) -> None:
        """Close the lines, and wake who waits for an answer on one."""
        self.close()
        with self._returned:
            for wire in self._wires:
                wire.end()

    def _new(self) -> Wire:
        until = time.monotonic() + self._access.timeout
        with self._returned:
            while True:
                if self._closed:
                    raise HandleClosed
                with contextlib.suppress(IndexError):
                    return self._idle.pop()
                if self._lines < self._most:
                    self._lines += 1
                    break
                self._waiting += 1
                try:
                    if not self._returned.wait(until - time.monotonic()):
                        raise Crowded
                finally:
                    self._waiting -= 1
        try:
            wire = self._access.line(self.address, self._name, self._scripts)
        except BaseException:
            with self._returned:
                self._lines -= 1
                self._returned.notify()
            raise
        self._enter(wire)
        return wire

    def _enter(self, wire: Wire) -> None:
        with self._returned:
            self._wires.add(wire)
            closed = self._closed
        if closed:
            self.drop(wire)
            raise HandleClosed

    def _thin(self, now: float) -> None:
        with contextlib.suppress(IndexError):
            oldest = self._idle[0]
            if now - oldest.used > _IDLE:
                oldest = self._idle.popleft()
                if now - oldest.used > _IDLE:
                    self.drop(oldest)
                else:
                    self._idle.append(oldest)

    def _empty(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                self.drop(self._idle.pop())
