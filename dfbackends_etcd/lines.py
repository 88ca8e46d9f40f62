"""Lines to one member for calls: each is used by one caller at a time, and kept for the next."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections import deque

from dfbackends_etcd.access import Access, Address
from dfbackends_etcd.errors import HandleClosed, LineLost
from dfbackends_etcd.wire import Wire

_IDLE = 30.0
"""Seconds after which a line that nobody has used is closed when another one comes back."""


class Lines:
    """The one used last is used first, so that those that are not needed fall idle."""

    def __init__(self, address: Address, access: Access) -> None:
        self._address = address
        self._access = access
        # Each is used by one operation at a time, without a lock: in the child of a fork, nobody may hold one.
        self._idle: deque[Wire] = deque()
        self._all: dict[Wire, int] = {}
        """Those that there are, each with its generation: a call of ``rest`` begins another one."""
        self._generation = 0
        self._closed = False
        self._process = os.getpid()

    def take(self, until: float = math.inf) -> Wire:
        """Return a line that is yours until ``give`` or ``drop``, at the time given (time.monotonic) at last.

        :raises NotConnected: there is none
        :raises HandleClosed: this is closed
        """
        while True:
            try:
                wire = self._idle.pop()
            except IndexError:
                return self._new(until)
            if self._all.get(wire) == self._generation and _is_well(wire):
                return wire
            self.drop(wire)

    def give(self, wire: Wire) -> None:
        """Return a line on which nothing is under way."""
        if self._all.get(wire) != self._generation or wire.worn:
            self.drop(wire)
            return
        wire.used = time.monotonic()
        self._idle.append(wire)
        if len(self._idle) > 1:
            self._thin(wire.used)
        if self._closed:
            self._empty()

    def drop(self, wire: Wire) -> None:
        """Return a line that is not to be used again."""
        # What the child of a fork leaves behind is its parent's.
        if os.getpid() == self._process:
            self._all.pop(wire, None)
            wire.close()

    def rest(self) -> None:
        """Use none of the lines again that there are; what is under way goes on."""
        self._generation += 1
        self._empty()

    def close(self) -> None:
        """Close the lines, and wake who waits for an answer on one. Twice is harmless."""
        self._closed = True
        for wire in list(self._all):
            wire.end()
        self._empty()

    def _new(self, until: float) -> Wire:
        if self._closed:
            raise HandleClosed
        generation = self._generation
        wire = Wire(self._address, self._access, until)
        self._all[wire] = generation
        self._check(wire)
        return wire

    def _check(self, wire: Wire) -> None:
        """Take a line back that has come too late to be ended by who has closed all."""
        if self._closed:
            self.drop(wire)
            raise HandleClosed

    def _thin(self, now: float) -> None:
        with contextlib.suppress(IndexError):
            oldest = self._idle.popleft()
            if now - oldest.used > _IDLE:
                self.drop(oldest)
            else:
                self._idle.appendleft(oldest)

    def _empty(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                self.drop(self._idle.pop())


def _is_well(wire: Wire) -> bool:
    """Return whether a line still stands; what the member asks for on an idle one is answered."""
    try:
        wire.receive(0)
    except LineLost:
        return False
    return True
