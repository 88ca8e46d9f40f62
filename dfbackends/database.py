"""Tables of JSON documents, as applications see them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dfbackends.api import Expect, Key, Limits, Write
from dfbackends.batch import Batch
from dfbackends.bulk import Items, put_many
from dfbackends.catalog import Catalog
from dfbackends.definition import TableDefinition
from dfbackends.encoder import Encoder
from dfbackends.entry import Entry, opened
from dfbackends.errors import Conflict, Error, KeyExists, KeyNotFound, OutcomeUnknown, PartlyDone, Refused, Unavailable, unknown
from dfbackends.identity import Allocator
from dfbackends.names import Namespace
from dfbackends.reliable import Reliable
from dfbackends.retry import Rounds
from dfbackends.transaction import Transaction
from dfbackends.writer import Announcement, Writer


class Database:
    """The tables of one namespace of a backend. All methods may be called from several threads at once.

    Every method raises :class:`InvalidName` for a name that is not legal, before anything is sent; :class:`Unavailable` when
    the backend stayed away past the deadline, and :class:`Refused` when it said no: the call was not done, and never will be;
    and :class:`Closed` after the backend was closed. A method that writes raises :class:`OutcomeUnknown` when it may have been
    done and the backend could not be asked. A value that is returned is the caller's own.
    """

    def __init__(self, store: Reliable, catalog: Catalog, namespace: Namespace, writer: Writer) -> None:
        limits = store.driver.limits
        self.limits: Limits = limits._replace(name=limits.name - namespace.overhead)
        self.transactional: bool = store.transactional is not None
        self._store = store
        self._namespace = namespace
        self._catalog = catalog
        self._encoder = Encoder(self._catalog, name=self.limits.name, topic=limits.topic, value=limits.value)
        self._allocator = Allocator(store, namespace)
        self._writer = writer

    def create_table(
        self,
        table: str,
        schema: dict[str, Any] | None = None,
        *,
        partition: str | None = None,
        buckets: int = 1,
        replace: bool = False,
    ) -> None:
        """Record a table, with a JSON Schema for its values. The same again is harmless; entries are not checked again.

        Tables of one ``partition`` can share a transaction; by default each has its own. A table of several ``buckets`` may be
        spread over servers, and takes no part in transactions. Other clients use a new schema after 30 s at the latest.

        :raises Conflict: the table has another schema and ``replace`` is false, or lives in another partition
        :raises InvalidValue: the schema is none, refers to something outside of itself, or may take too long to check
        """
        self._catalog.create(table, schema, partition, buckets, replace=replace)

    def definition(self, table: str) -> TableDefinition | None:
        """Return the definition of a table, for which the backend is asked now; None where nobody created or wrote to it."""
        return self._catalog.definition(table)

    def tables(self) -> list[str]:
        """Return the names of the tables that were created or written to, sorted.

        A table that is written to after it was dropped may be missing for 30 s, when another client dropped it.
        """
        return self._catalog.names()

    def drop(self, table: str) -> None:
        """Remove a table: its entries and its schema. One that does not exist is no error.

        :raises OutcomeUnknown: some of it may be gone; dropping it again is safe
        """
        self._catalog.drop(table)

    def get(self, table: str, key: str) -> Any:
        """Return the value of an entry.

        :raises KeyNotFound: the key is not there
        """
        return self.entry(table, key).value

    def entry(self, table: str, key: str) -> Entry:
        """Return an entry: key, value, topic and revision.

        :raises KeyNotFound: the key is not there
        """
        [record] = self._store.read((self._encoder.key(table, key),))
        if record is None:
            raise KeyNotFound(table, key)
        return opened(key, record)

    def get_many(self, table: str, keys: Sequence[str]) -> list[Entry | None]:
        """Return the entries in the order of the keys, None for one that is not there. Not a snapshot."""
        names = [self._encoder.key(table, key) for key in keys]
        records = self._store.read(names) if names else []
        return [opened(key, record) if record is not None else None for key, record in zip(keys, records, strict=True)]

    def entries(self, table: str, *, topic: str | None = None) -> Iterator[Entry]:
        """Iterate over the entries of a table, or of one topic in it, in no particular order.

        One that is there throughout comes exactly once, also when others are written meanwhile. A missing table is empty.
        """
        return (opened(*found) for found in self._store.scan(self._catalog.table(table), self._encoder.chosen(topic)))

    def keys(self, table: str, *, topic: str | None = None) -> Iterator[str]:
        """Iterate over the keys of a table, or of one topic in it; as ``entries`` does."""
        return (key for key, _ in self._store.scan(self._catalog.table(table), self._encoder.chosen(topic)))

    def create(self, table: str, key: str, value: Any, *, topic: str = "", announce: Announcement | None = None) -> int:
        """Add an entry and return its revision.

        ``announce`` is published if, and only if, the entry is written: in one step where the backend can, else afterwards,
        and then the entry is removed again when publishing failed.

        :raises KeyExists: the key is there
        :raises InvalidValue: the value is not JSON, or breaks the schema of the table
        :raises RollbackFailed: publishing failed, and so did removing the entry
        """
        name, data = self._encoder.entry(table, key, value, topic)
        revision = self._writer.write(Write(name, data, topic, Expect.ABSENT), announce)
        if revision is None:
            raise KeyExists(table, key)
        return revision

    def put(
        self,
        table: str,
        key: str,
        value: Any,
        *,
        topic: str = "",
        revision: int | None = None,
        announce: Announcement | None = None,
    ) -> int:
        """Add an entry, or replace it with its topic, and return its revision. ``announce`` as for ``create``.

        :raises Conflict: the entry is not, or no longer, at the ``revision`` given
        :raises InvalidValue: the value is not JSON, or breaks the schema of the table
        """
        name, data = self._encoder.entry(table, key, value, topic)
        found = self._writer.write(Write(name, data, topic, Expect.ANY if revision is None else revision), announce)
        if found is None:
            raise _stale(table, key)
        return found

    def update(
        self,
        table: str,
        key: str,
        value: Any,
        *,
        topic: str | None = None,
        revision: int | None = None,
        announce: Announcement | None = None,
    ) -> int:
        """Replace an entry and return its revision; without a topic it keeps its own. ``announce`` as for ``create``.

        :raises KeyNotFound: the key is not there, and no ``revision`` was given
        :raises Conflict: the entry is not, or no longer, at the ``revision`` given
        :raises InvalidValue: the value is not JSON, or breaks the schema of the table
        """
        name, data = self._encoder.entry(table, key, value, "" if topic is None else topic)
        rounds = Rounds(self._store.patience)
        while topic is None:
            rounds.begin()
            [record] = self._store.read((name,))
            if revision is not None and (record is None or record.revision != revision):
                raise _stale(table, key)
            if record is None:
                raise KeyNotFound(table, key)
            found = self._writer.write(Write(name, data, record.topic, record.revision), announce)
            if found is not None:
                return found
        found = self._writer.write(Write(name, data, topic, Expect.PRESENT if revision is None else revision), announce)
        if found is None:
            raise KeyNotFound(table, key) if revision is None else _stale(table, key)
        return found

    def delete(self, table: str, key: str, *, revision: int | None = None, announce: Announcement | None = None) -> None:
        """Remove an entry. ``announce`` as for ``create``.

        :raises KeyNotFound: the key is not there, and no ``revision`` was given
        :raises Conflict: the entry is not, or no longer, at the ``revision`` given
        """
        name = self._encoder.key(table, key)
        if self._writer.write(Write(name, None, "", Expect.PRESENT if revision is None else revision), announce) is None:
            raise KeyNotFound(table, key) if revision is None else _stale(table, key)

    def put_many(self, table: str, items: Items, *, topic: str = "") -> dict[str, int]:
        """Add or replace entries, independently of each other, and return their revisions by key.

        The items are values by key, or tuples of key, value and, optionally, topic.

        :raises PartlyDone: some failed: ``failed`` has their errors by key, ``done`` the revisions of the others
        """
        return put_many(self._store, self._encoder, table, items, topic)

    def batch(self) -> Batch:
        """Return a context manager that collects writes, and undoes all when one fails; see :class:`.Batch`."""
        return Batch(self._store, self._encoder, self._namespace)

    def transaction(self) -> Transaction:
        """Return a context manager whose writes are done in one atomic step; see :class:`.Transaction`.

        :raises Refused: the backend has no transactions
        """
        if not self.transactional:
            raise Refused("this backend has no transactions; batch() works on every backend", code="forbidden")
        return Transaction(self._store, self._encoder, self._namespace, self._writer.atomic_announcer)

    def allocate(self, table: str, *, after: int = 0) -> int:
        """Return a number above ``after`` that was never returned for this table before, also when it was dropped; they grow.

        :raises InvalidValue: ``after`` is no integer, or there is none above it that a document may hold
        :raises OutcomeUnknown: the number is lost, and will never be returned
        """
        return self._allocator.allocate(self._encoder.key(table, table).name, after)

    def allocated(self, table: str) -> int:
        """Return the last number that :meth:`allocate` gave for the table, on any client; 0 if it gave none."""
        return self._allocator.allocated(self._encoder.key(table, table).name)

    def resolve(self, error: OutcomeUnknown) -> bool:
        """Return whether the call that raised the error was done; from then on nothing more comes of it.

        :raises OutcomeUnknown: it can not be said: the backend keeps no outcomes, or no longer this one, or is away
        :raises PartlyDone: the call wrote several keys, and some were done; ``done`` and ``failed`` are by key
        """
        if error.operation is None:
            raise error
        try:
            keys = [Key(self._catalog.table(table), key) for table, key in error.operation.keys]
        except (Refused, Unavailable) as failure:
            raise unknown(failure, error.operation) from failure.__cause__
        answers = list(zip(error.operation.keys, self._store.resolve(error.operation, keys), strict=True))
        done = {key: answer for (_, key), answer in answers if isinstance(answer, int)}
        failed: dict[str, Error] = {key: _stale(table, key) for (table, key), answer in answers if not isinstance(answer, int)}
        if done and failed:
            raise PartlyDone("some of the keys were written", done=done, failed=failed)
        return bool(done)


def _stale(table: str, key: str) -> Conflict:
    return Conflict(f"{table}: the key is not at the revision that was expected", table=table, key=key)
