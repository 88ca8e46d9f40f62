"""A record as it is stored: revision, topic and value, with one space between them.

A topic has a colon behind it, and the number of the chunk of the index in which the entry is.
"""

from __future__ import annotations

from collections.abc import Iterable

from dfbackends.api import Record
from dfbackends_redis.names import decoded

Entry = tuple[str, Record]


class _Topics(dict[bytes, str]):
    """The topics of an answer: an entry costs a look-up, and each topic is decoded once."""

    def __missing__(self, topic: bytes) -> str:
        found = self[topic] = _plain(topic)
        return found


def _plain(topic: bytes) -> str:
    return decoded(topic.partition(b":")[0]) if topic else ""


def unpacked(stored: bytes) -> Record:
    """Return the record that a script has stored."""
    revision, topic, value = stored.split(b" ", 2)
    return Record._make((value, int(revision), _plain(topic)))


def records(stored: Iterable[bytes | None]) -> list[Record | None]:
    """Return the records of an answer, None for those that are absent."""
    topics, new = _Topics(), tuple.__new__
    found: list[Record | None] = []
    for one in stored:
        if one is None:
            found.append(None)
        else:
            revision, topic, value = one.split(b" ", 2)
            found.append(new(Record, (value, int(revision), topics[topic])))
    return found


def entries(names: Iterable[bytes], stored: Iterable[bytes]) -> list[Entry]:
    """Return the entries of a page. Each line of it is a tenth of the time of a listing."""
    topics, new = _Topics(), tuple.__new__
    return [
        (name.decode(), new(Record, (value, int(revision), topics[topic])))
        for name, record in zip(names, stored, strict=True)
        for revision, topic, value in (record.split(b" ", 2),)
    ]
