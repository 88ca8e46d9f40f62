"""An entry of a table, as applications see it."""

from __future__ import annotations

from typing import Any, NamedTuple

from dfbackends import codec
from dfbackends.api import Record
from dfbackends.errors import InvalidValue, Refused


class Entry(NamedTuple):
    """A key and what is stored under it. The revision grows with each write of the key, and means nothing across keys."""

    key: str
    value: Any
    topic: str
    revision: int


class Item(NamedTuple):
    """One of several entries to be written."""

    key: str
    value: Any
    topic: str = ""


def opened(key: str, record: Record) -> Entry:
    """Return the entry that a record stands for.

    :raises Refused: the record holds no JSON, so that something else than dfbackends wrote it
    """
    return Entry(key, value_of(record), record.topic, record.revision)


def value_of(record: Record) -> Any:
    """Return the value of a record; errors as in :func:`opened`."""
    try:
        return codec.decode(record.value)
    except InvalidValue as error:
        raise Refused("an entry holds no JSON: something else than dfbackends wrote it", code="protocol") from error
