"""Listing a table, in steps that hold up the server for a moment only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from redis.exceptions import MovedError

from dfbackends_redis.names import encoded
from dfbackends_redis.node import Node
from dfbackends_redis.place import Place
from dfbackends_redis.record import Entry, entries
from dfbackends_redis.requests import Call, Requests, all_of
from dfbackends_redis.resp import pack

_LEAST, _FIRST, _MOST = 8, 128, 1024
_BYTES = 256 * 1024
_STEPS = 16


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


def bucket(requests: Requests, place: Place) -> Iterator[list[Entry]]:
    """Yield the entries of a bucket, each once, in pages."""
    seen: set[bytes] = set()
    step, cursor = _Step(), _Cursor()
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


def _steps(requests: Requests, place: Place, cursor: _Cursor, step: _Step, seen: set[bytes], found: list[Entry]) -> None:
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
            found += entries(names, stored)
            if last:
                return


def topic(requests: Requests, place: Place, name: str) -> Iterator[list[Entry]]:
    """Yield the entries of a topic in a bucket in pages; they are ordered, so that a place among them is one on any server.

    Names are asked for together with the records of the names before: a script that joined them would take the server five
    times as long.
    """
    before = encoded(name).encode()
    step = _Step()

    def names_after(bound: bytes) -> Call:
        return Call(place.slot, ("ZRANGEBYLEX", place.topics, bound, b"(%b\1" % before, "LIMIT", 0, step.size))

    slot, command, _ = names_after(b"[%b\0" % before)
    members = requests.answer(slot, *command)
    while members:
        names = [member[len(before) + 1 :] for member in members]
        calls = [Call(place.slot, ("HMGET", place.records, *names)), names_after(b"(%b" % members[-1])]
        stored, members = all_of(requests.answers(calls))
        there = {name: record for name, record in zip(names, stored, strict=True) if record is not None}
        step.learn(list(there.values()))
        # What has left the topic meanwhile is not in it.
        yield [entry for entry in entries(there.keys(), there.values()) if entry[1].topic == name]
