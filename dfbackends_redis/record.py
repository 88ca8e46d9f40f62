"""A record as it is stored: revision, topic and value, with one space between them."""

from __future__ import annotations

from dfbackends.api import Record
from dfbackends_redis.names import decoded


def unpacked(stored: bytes) -> Record:
    """Return the record that a script has stored."""
    revision, topic, value = stored.split(b" ", 2)
    return Record._make((value, int(revision), decoded(topic) if topic else ""))
