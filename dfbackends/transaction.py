"""Writes and messages in one atomic and isolated step."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from dfbackends.api import Expect, Key, Message, Record, Write
from dfbackends.encoder import Encoder
from dfbackends.entry import Entry, opened
from dfbackends.errors import Closed, Conflict, InvalidValue, KeyExists, KeyNotFound, Refused, TooLarge
from dfbackends.names import Namespace
from dfbackends.reliable import Reliable
from dfbackends.writer import Announcer


class Transaction:
    """Collects writes, and commits them when its ``with`` block ends without an exception.

    Every key that was read, or created, updated or deleted, is checked when it commits: what was seen, absence too, must still
    hold. It stays in one partition, and can not list. When the block has ended, ``revisions`` has the new revision of each
    (table, key).

    :raises Conflict: another client changed a key that was read; nothing was changed
    :raises Refused: the transaction can not be atomic here: another partition, several buckets; nothing was sent
    :raises TooLarge: it has more writes, checks and messages than the backend takes in one step; nothing was sent
    :raises OutcomeUnknown: it may have been done as a whole, and the backend could not be asked
    :raises BackendError: nothing was changed
    """

    def __init__(self, store: Reliable, encoder: Encoder, namespace: Namespace, announcer: Announcer | None) -> None:
        self._store = store
        self._encoder = encoder
        self._namespace = namespace
        self._announcer = announcer
        self._read: dict[Key, Record | None] = {}
        self._writes: dict[Key, Write] = {}
        self._messages: list[Message] = []
        self._partition: str | None = None
        self._ended = False
        self.revisions: dict[tuple[str, str], int] = {}

    def get(self, table: str, key: str) -> Any:
        """Return a value, as this transaction has written it or else as it is stored.

        :raises KeyNotFound: the key is not there, which is checked as well
        """
        return self.entry(table, key).value

    def entry(self, table: str, key: str) -> Entry:
        """Return an entry; of one that this transaction has written the revision is 0. Errors as for ``get``."""
        record = self._current(self._placed(self._encoder.key(table, key)))
        if record is None:
            raise KeyNotFound(table, key)
        return opened(key, record)

    def create(self, table: str, key: str, value: Any, *, topic: str = "") -> None:
        """Add an entry.

        :raises KeyExists: the key is there
        """
        name, data = self._encoder.entry(table, key, value, topic)
        if self._current(self._placed(name)) is not None:
            raise KeyExists(table, key)
        self._writes[name] = Write(name, data, topic)

    def put(self, table: str, key: str, value: Any, *, topic: str = "") -> None:
        """Add or replace an entry, whatever the key holds."""
        name, data = self._encoder.entry(table, key, value, topic)
        self._writes[self._placed(name)] = Write(name, data, topic)

    def update(self, table: str, key: str, value: Any, *, topic: str | None = None) -> None:
        """Replace an entry; without a topic it keeps its own.

        :raises KeyNotFound: the key is not there
        """
        name, data = self._encoder.entry(table, key, value, "" if topic is None else topic)
        record = self._current(self._placed(name))
        if record is None:
            raise KeyNotFound(table, key)
        self._writes[name] = Write(name, data, record.topic if topic is None else topic)

    def delete(self, table: str, key: str) -> None:
        """Remove an entry.

        :raises KeyNotFound: the key is not there
        """
        name = self._placed(self._encoder.key(table, key))
        if self._current(name) is None:
            raise KeyNotFound(table, key)
        self._writes[name] = Write(name, None)

    def publish(self, topic: str, data: Any) -> None:
        """Send a message if, and only if, the transaction is committed.

        :raises Refused: messages are carried by another backend than this store
        """
        self._check_open()
        if self._announcer is None:
            raise Refused("messages do not go through this store: publish after the transaction", code="forbidden")
        self._messages.append(self._announcer.announcement(topic, data))

    def __enter__(self) -> Transaction:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended = True
        if kind is None and (self._writes or self._read or self._messages):
            self._commit()

    def _commit(self) -> None:
        writes = list(self._writes.values())
        if self._messages and not writes:
            raise InvalidValue("a transaction that writes nothing can not publish: use PubSub.publish")
        size, most = len(writes) + len(self._read) + len(self._messages), self._store.driver.limits.commit
        if size > most:
            raise TooLarge(f"the transaction has {size} writes, checks and messages; this backend takes {most} in one step")
        checks: dict[Key, Expect | int] = {
            key: record.revision if record is not None else Expect.ABSENT for key, record in self._read.items()
        }
        revisions = self._store.commit(writes, checks, self._messages)
        if revisions is None:
            raise Conflict("another client changed what the transaction had read")
        self.revisions = {
            (self._namespace.original(write.key.table.name), write.key.name): revision
            for write, revision in zip(writes, revisions, strict=True)
        }

    def _current(self, key: Key) -> Record | None:
        written = self._writes.get(key)
        if written is not None:
            return Record(written.value, 0, written.topic) if written.value is not None else None
        if key not in self._read:
            [self._read[key]] = self._store.read([key])
        return self._read[key]

    def _placed(self, key: Key) -> Key:
        """Return the key, if it is where the transaction is."""
        self._check_open()
        name = self._namespace.original(key.table.name)
        if key.table.buckets != 1:
            raise Refused(
                f"table {name!r} has {key.table.buckets} buckets, and takes no part in transactions", code="forbidden"
            )
        if self._partition not in (None, key.table.partition):
            raise Refused(
                f"table {name!r} lives in another partition than the transaction: create both with the same partition",
                code="forbidden",
            )
        self._partition = key.table.partition
        return key

    def _check_open(self) -> None:
        if self._ended:
            raise Closed("the transaction has ended")
