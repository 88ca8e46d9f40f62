"""Listing a table, in steps that hold up the server for a moment only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from redis.exceptions import MovedError

from dfbackends.api import Record
from dfbackends_redis.names import encoded
from dfbackends_redis.node import Node
from dfbackends_redis.place import Place
from dfbackends_redis.record import unpacked
from dfbackends_redis.requests import Requests
from dfbackends_redis.resp import pack
from dfbackends_redis.scripts import PAGE

_LEAST, _FIRST, _MOST = 8, 128, 1024
_BYTES = 64 * 1024
_STEPS = 16

Entry = tuple[str, Record]


class _Step:
    """How many entries are asked for at once: as many as have come to 64 KiB so far, which sockets hold."""

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


def bucket(requests: Requests, place: Place) -> Iterator[Entry]:
    """Yield the entries of a bucket, each once."""
    seen: set[bytes] = set()
    step, cursor = _Step(), _Cursor()
    moves = 0
    while True:
        entries: list[Entry] = []
        try:
            _steps(requests, place, cursor, step, seen, entries)
        except MovedError:
            # What was found before it is not found again.
            moves += 1
            if moves > _STEPS:
                raise
        else:
            if cursor.at == b"0":
                yield from entries
                return
        yield from entries


def _steps(requests: Requests, place: Place, cursor: _Cursor, step: _Step, seen: set[bytes], entries: list[Entry]) -> None:
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
            names = page[::2]
            if not seen.isdisjoint(names):
                fresh = {name: record for name, record in zip(names, stored, strict=True) if name not in seen}
                names, stored = list(fresh), list(fresh.values())
            seen.update(names)
            entries += zip(map(bytes.decode, names), map(unpacked, stored), strict=True)
            if last:
                return


def topic(requests: Requests, place: Place, name: str) -> Iterator[Entry]:
    """Yield the entries of a topic in a bucket; they are ordered, so that a place among them is one on any server."""
    before = encoded(name).encode()
    first, last = b"[%b\0" % before, b"(%b\1" % before
    step = _Step()
    while True:
        count = step.size
        page = requests.answer(
            place.slot, "EVALSHA", PAGE.sha, 2, place.topics, place.records, first, last, count, len(before) + 1
        )
        names, stored = page[::2], page[1::2]
        step.learn(stored)
        yield from zip(map(bytes.decode, names), map(unpacked, stored), strict=True)
        if len(names) < count:
            return
        first = b"(%b\0%b" % (before, names[-1])
