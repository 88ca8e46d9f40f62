"""One entry of a replica, whose value is shared and can not be changed."""

from __future__ import annotations

from typing import Any

from dfbackends import codec
from dfbackends.api import Record
from dfbackends.errors import InvalidValue, Refused


class Cell:
    """An entry of a copy. Its value is made when it is read first, and cannot be changed."""

    __slots__ = ("_value", "record")

    def __init__(self, record: Record) -> None:
        self.record: Record = record
        self._value: Any = _UNREAD

    @property
    def value(self) -> Any:
        """The value; objects are read-only mappings, lists are tuples.

        :raises Refused: the entry holds no JSON
        """
        value = self._value
        if value is _UNREAD:
            try:
                value = self._value = codec.frozen(self.record.value)
            except InvalidValue as error:
                raise Refused("an entry holds no JSON: something else than dfbackends wrote it", code="protocol") from error
        return value


_UNREAD = object()


def same(one: Cell | None, other: Cell | None) -> bool:
    """Tell whether nobody who looks at value and topic can tell them apart."""
    if one is None or other is None:
        return one is other
    return one.record.value == other.record.value and one.record.topic == other.record.topic
