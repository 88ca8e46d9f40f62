"""Entries as JSON Lines: an object a line, with ``key``, ``value`` and, where there is one, ``topic``."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from dfbackends import codec
from dfbackends.cli.output import compact
from dfbackends.entry import Entry, Item
from dfbackends.errors import InvalidValue

_FIELDS = ("key", "value", "topic")


class Checksum(NamedTuple):
    """How many entries there are, and the SHA-256 of their lines sorted by key; equal tables have equal ones."""

    entries: int
    sha256: str


def line_of(entry: Entry) -> str:
    """Return the line of an entry, without its end."""
    fields: dict[str, Any] = {"key": entry.key, "value": entry.value}
    if entry.topic:
        fields["topic"] = entry.topic
    return compact(fields)


def item_of(line: bytes) -> Item:
    """Return what a line says.

    :raises InvalidValue: it is not strict JSON, or not such an object
    """
    document = codec.parse(line)
    if not isinstance(document, dict):
        raise InvalidValue("not an object with key and value")
    missing = [name for name in ("key", "value") if name not in document]
    if missing:
        raise InvalidValue(f"the object has no {missing[0]!r}")
    unknown = sorted(document.keys() - set(_FIELDS))
    if unknown:
        raise InvalidValue(f"the object has an unknown field {unknown[0]!r}; known are {', '.join(_FIELDS)}")
    item = Item(document["key"], document["value"], document.get("topic", ""))
    if not isinstance(item.key, str) or not isinstance(item.topic, str):
        raise InvalidValue("key and topic are text")
    return item


def in_order(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield the lines with their ends, sorted by key; only the keys are held in memory."""
    with tempfile.TemporaryFile() as spool:
        places: list[tuple[str, int, int]] = []
        start = 0
        for entry in entries:
            size = spool.write(line_of(entry).encode() + b"\n")
            places.append((entry.key, start, size))
            start += size
        places.sort()
        for _, start, size in places:
            spool.seek(start)
            yield spool.read(size)


def checksum(entries: Iterable[Entry]) -> Checksum:
    """Return the checksum of entries; only the keys are held in memory."""
    total = hashlib.sha256()
    count = 0
    for line in in_order(entries):
        total.update(line)
        count += 1
    return Checksum(count, total.hexdigest())
