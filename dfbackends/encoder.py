"""What an application names and stores, made into what a driver is given."""

from __future__ import annotations

from typing import Any

from dfbackends import codec, names
from dfbackends.api import Key
from dfbackends.catalog import Catalog


class Encoder:
    """Checks names and values, and encodes them."""

    def __init__(self, catalog: Catalog, *, name: int, topic: int, value: int) -> None:
        self._catalog = catalog
        self._name = name
        self._topic = topic
        self._value = value

    def key(self, table: str, key: str) -> Key:
        """Return the driver's key.

        :raises InvalidName: the table or the key is not legal
        """
        return Key(self._catalog.table(table), names.check("key", key, self._name))

    def entry(self, table: str, key: str, value: Any, topic: str) -> tuple[Key, bytes]:
        """Return the driver's key and the encoded value, after recording a table that is new.

        :raises InvalidName: the table, the key or the topic is not legal
        :raises InvalidValue: the value is not JSON, breaks the schema of the table, or is over the limit (``TooLarge``)
        """
        names.check("key", key, self._name)
        self.topic(topic)
        data = codec.encode(value, self._value)
        definition = self._catalog.writable(table)
        if definition.schema is not None:
            definition.schema.check(value)
        return Key(definition.table, key), data

    def topic(self, topic: str) -> str:
        """Return the topic of an entry; the empty one stands for no topic.

        :raises InvalidName: it is not legal
        """
        return names.check("topic", topic, self._topic) if topic != "" else topic

    def chosen(self, topic: str | None) -> str | None:
        """Return the topic by which entries are chosen; None stands for all of them.

        :raises InvalidName: it is not legal; the empty one is none
        """
        return names.check("topic", topic, self._topic) if topic is not None else None
