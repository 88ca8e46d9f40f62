"""A record as it is stored: revision, topic, the number of its chunk in the index, and value, with one space between them."""

from __future__ import annotations

from collections.abc import Iterable

from dfbackends.api import Record
from dfbackends_redis.names import decoded

Entry = tuple[str, Record]


class _Topics(dict[bytes, str]):
    """The topics of an answer: an entry costs a look-up, and each topic is decoded once."""

    def __missing__(self, topic: bytes) -> str:
        found = self[topic] = decoded(topic) if topic else ""
        return found


def unpacked(stored: bytes) -> Record:
    """Return the record that a script has stored."""
    revision, topic, _, value = stored.split(b" ", 3)
    return Record._make((value, int(revision), decoded(topic) if topic else ""))


def records(stored: Iterable[bytes | None]) -> list[Record | None]:
    """Return the records of an answer, None for those that are absent."""
    topics, new = _Topics(), tuple.__new__
    found: list[Record | None] = []
    for one in stored:
        if one is None:
            found.append(None)
        else:
            revision, topic, _, value = one.split(b" ", 3)
            found.append(new(Record, (value, int(revision), topics[topic])))
    return found


def entries(names: Iterable[bytes], stored: Iterable[bytes]) -> list[Entry]:
    """Return the entries of a page. Each line of it is a tenth of the time of a listing."""
    topics, new = _Topics(), tuple.__new__
    return [
        (name.decode(), new(Record, (value, int(revision), topics[topic])))
        for name, record in zip(names, stored, strict=True)
        for revision, topic, _, value in (record.split(b" ", 3),)
    ]
