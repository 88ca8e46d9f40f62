"""Listing a table, in steps that hold up the server for a moment only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain
from typing import Any

from redis.exceptions import MovedError

from dfbackends_redis.names import encoded
from dfbackends_redis.node import Node
from dfbackends_redis.place import Place
from dfbackends_redis.record import Entry, entries
from dfbackends_redis.requests import Requests
from dfbackends_redis.resp import pack

_LEAST, _FIRST, _MOST = 8, 128, 1024
_BYTES = 256 * 1024
_STEPS = 16
# More than a chunk has.
_PIECES = 128


class _Step:
    """How many entries are asked for at once: as many as have come to 256 KiB so far: half a millisecond."""

    def __init__(self) -> None:
        self.size = _FIRST

    def learn(self, stored: list[bytes]) -> None:
        """Take in what came."""
        if stored:
            self.size = max(_LEAST, min(_MOST, 2 * self.size, _BYTES * len(stored) // max(sum(map(len, stored)), 1)))


class _Cursor:
    """A place in a hash: it means something on the server only that gave it, and in this life of that server."""

    def __init__(self) -> None:
        self.at = b"0"
        self._server: Node | None = None
        self._began = 0.0

    def check(self, server: Node, opened: float) -> None:
        """Begin again where the line, opened when, may lead to another server than the one before."""
        if self._server is not server or opened > self._began:
            self.at = b"0"
            self._server, self._began = server, time.monotonic()


class Seen:
    """The names that have come. A server that makes a hash larger or smaller meanwhile may tell some of them again."""

    def __init__(self) -> None:
        self._names: set[bytes] = set()
        # None once something was told again: from then on each name is looked up before it is added.
        self._pages: list[list[bytes]] | None = []

    def fresh(self, names: list[bytes], stored: list[bytes]) -> list[Entry]:
        """Return the entries of a page that have not come before."""
        if self._pages is not None:
            count = len(self._names) + len(names)
            self._names.update(names)
            if len(self._names) == count:
                self._pages.append(names)
                return entries(names, stored)
            self._names, self._pages = set(chain.from_iterable(self._pages)), None
        page = {name: record for name, record in zip(names, stored, strict=True) if name not in self._names}
        self._names.update(page)
        return entries(page.keys(), page.values())


def bucket(requests: Requests, place: Place) -> Iterator[list[Entry]]:
    """Yield the entries of a bucket, each once, in pages."""
    seen, step, cursor = Seen(), _Step(), _Cursor()
    moves = 0
    while True:
        found: list[Entry] = []
        try:
            _steps(requests, place, cursor, step, seen, found)
        except MovedError:
            # What was found before it is not found again.
            moves += 1
            if moves > _STEPS:
                raise
        else:
            if cursor.at == b"0":
                yield found
                return
        yield found


def _steps(requests: Requests, place: Place, cursor: _Cursor, step: _Step, seen: Seen, found: list[Entry]) -> None:
    """Take some steps, each of which is under way while what the one before has found is read."""
    with requests.line(place.slot) as (node, wire):
        cursor.check(node, wire.opened)
        wire.send(pack(("HSCAN", place.records, cursor.at, "COUNT", step.size)))
        for number in range(_STEPS):
            reply: Any = wire.reply()
            if isinstance(reply, Exception):
                raise reply
            cursor.at, page = reply
            last = cursor.at == b"0" or number == _STEPS - 1
            stored = page[1::2]
            step.learn(stored)
            if not last:
                wire.send(pack(("HSCAN", place.records, cursor.at, "COUNT", step.size)))
            found += seen.fresh(page[::2], stored)
            if last:
                return


def topic(requests: Requests, place: Place, name: str) -> Iterator[list[Entry]]:
    """Yield the entries of a topic in a bucket, each once, in pages. They are in chunks, which are ordered, so that a place
    among these is one on any server, and which an entry leaves only with its topic.

    The records are asked for by name: a script that joined them would take the server five times as long.
    """
    before = encoded(name).encode()
    bound = b"[%b\0" % before
    seen: set[bytes] = set()
    step = _Step()
    while bound:
        pieces = requests.answer(place.slot, "ZRANGEBYLEX", place.topics, bound, b"(%b\1" % before, "LIMIT", 0, _PIECES)
        names: list[bytes] = []
        number = b""
        for piece in pieces:
            _, number, *some, _ = piece.split(b"\0")
            names += map(_original, some) if b"\1" in piece else some
        # Pieces of the last chunk may become one before the next page, in another place.
        bound = b"[%b\0%b\0" % (before, number) if len(pieces) == _PIECES else b""
        names = [one for one in names if one not in seen]
        seen.update(names)
        while names:
            part, names = names[: step.size], names[step.size :]
            stored = requests.answer(place.slot, "HMGET", place.records, *part)
            there = {one: record for one, record in zip(part, stored, strict=True) if record is not None}
            step.learn(list(there.values()))
            # What has left the topic meanwhile is not in it.
            yield [entry for entry in entries(there.keys(), there.values()) if entry[1].topic == name]


def _original(name: bytes) -> bytes:
    return name.replace(b"\1a", b"\0").replace(b"\1b", b"\1")
