"""The tables of a namespace: where each one lives, and the schema of its values.

The first write to a table records it, so that where it lives never changes afterwards, not even for a client that has not yet
heard of ``create_table``; a dropped table keeps its place.
"""

from __future__ import annotations

import copy
import math
import time
from typing import Any, NamedTuple

from dfbackends import codec, names
from dfbackends.api import Expect, Key, Record, Table, Write
from dfbackends.definition import TableDefinition, canonical
from dfbackends.errors import Conflict, Error, InvalidName, InvalidValue, OutcomeUnknown, Refused, undone, unknown
from dfbackends.names import Namespace
from dfbackends.reliable import Reliable
from dfbackends.retry import Rounds
from dfbackends.schema import Schema

FRESH = 30.0
"""Seconds after which a client asks the backend again what a table is like."""

_DEFINITION = 256 * 1024


class Definition(NamedTuple):
    """What is recorded of a table; ``revision`` is None where nothing is."""

    table: Table
    schema: Schema | None = None
    dropped: bool = False
    revision: int | None = None
    until: float = 0.0


class Catalog:
    """The tables of one namespace."""

    def __init__(self, store: Reliable, namespace: Namespace, *, fresh: float = FRESH) -> None:
        self._store = store
        self._fresh = fresh
        self._namespace = namespace
        self._limit = store.driver.limits.name - namespace.overhead
        self._home = Table(namespace.internal("tables"), namespace.internal("tables"))
        # Written by any thread, each time by one assignment of a finished value.
        self._known: dict[str, Definition] = {}

    def check(self, name: str) -> str:
        """Return the name, if a table may have it.

        :raises InvalidName: it is not legal
        """
        return names.check("table", name, self._limit)

    def table(self, name: str) -> Table:
        """Return where a table is read; one that is not recorded holds nothing yet, wherever that is."""
        return self._definition(name).table

    def located(self, name: str, within: float = math.inf) -> Table:
        """Return where a table is read now, as the store says; within so many seconds, or the deadline.

        :raises Unavailable: the store stayed away
        """
        return self._refreshed(name, within).table

    def writable(self, name: str) -> Definition:
        """Return a table that is recorded, after recording it where nobody has."""
        definition = self._definition(name)
        rounds = Rounds(self._store.patience)
        while definition.revision is None or definition.dropped:
            rounds.begin()
            try:
                recorded = self._record(definition._replace(schema=None, dropped=False), name)
            except OutcomeUnknown as error:
                # Only our own note is in doubt: what the caller wants to write was not sent.
                raise undone(error) from error.__cause__
            definition = recorded or self._refreshed(name)
        return definition

    def definition(self, name: str) -> TableDefinition | None:
        """Return what the backend has recorded of a table now; None where that is nothing.

        :raises InvalidName: the name is not legal
        """
        found = self._refreshed(self.check(name))
        if found.revision is None:
            return None
        partition = self._namespace.original(found.table.partition)
        return TableDefinition(name, copy.deepcopy(_definition(found.schema)), partition, found.table.buckets, found.dropped)

    def create(self, name: str, schema: dict[str, Any] | None, partition: str | None, buckets: int, *, replace: bool) -> None:
        """Record a table with its schema.

        :raises Conflict: it has another schema and ``replace`` is false, or it lives elsewhere
        :raises InvalidValue: the schema can not be used
        """
        self.check(name)
        table = self._place(name, partition, buckets)
        wanted = Schema(schema) if schema is not None else None
        rounds = Rounds(self._store.patience)
        while True:
            rounds.begin()
            found = self._refreshed(name)
            if found.revision is not None:
                if found.table != table:
                    raise Conflict(
                        f"table {name!r} lives in {_place(found.table)}, and stays there also when it is dropped; "
                        f"{_place(table)} was asked for: use another name"
                    )
                if not found.dropped and canonical(_definition(found.schema)) == canonical(schema):
                    return
                if not found.dropped and found.schema is not None and not replace:
                    raise Conflict(f"table {name!r} has another schema; replace=True replaces it")
            if self._record(Definition(table, wanted, revision=found.revision), name):
                return

    def drop(self, name: str) -> None:
        """Remove the entries, then the schema, of a table. One that does not exist is no error.

        :raises OutcomeUnknown: a part of it may be gone
        """
        self._store.drop(self.table(name))
        rounds = Rounds(self._store.patience)
        try:
            while True:
                rounds.begin()
                found = self._refreshed(name)
                if found.revision is None or found.dropped or self._record(found._replace(schema=None, dropped=True), name):
                    return
        except Error as error:
            # The entries are gone, whatever has become of the schema.
            raise unknown(error) from error.__cause__

    def names(self) -> list[str]:
        """Return the names of the tables that were created or written to, sorted."""
        found = ((name, self._read(name, record)) for name, record in self._store.scan(self._home, None))
        return sorted(name for name, definition in found if not definition.dropped)

    def _definition(self, name: str) -> Definition:
        known = self._known.get(name)
        if known is not None and time.monotonic() < known.until:
            return known
        return self._refreshed(self.check(name))

    def _refreshed(self, name: str, within: float = math.inf) -> Definition:
        [record] = self._store.read([Key(self._home, name)], within)
        if record is None:
            # Not remembered: somebody may create the table, in another place, at any time.
            self._known.pop(name, None)
            return Definition(self._place(name, None, 1))
        known = self._known.get(name)
        if known is not None and known.revision == record.revision:
            definition = known._replace(until=time.monotonic() + self._fresh)
        else:
            definition = self._read(name, record)
        self._known[name] = definition
        return definition

    def _read(self, name: str, record: Record) -> Definition:
        try:
            fields = codec.decode(record.value)
            table = self._place(name, fields["partition"], fields["buckets"])
            schema = Schema(fields["schema"]) if fields["schema"] is not None else None
            dropped = bool(fields["dropped"])
        except (InvalidName, InvalidValue, KeyError, TypeError) as error:
            raise Refused(f"the definition of table {name!r} is not one of ours", code="protocol") from error
        return Definition(table, schema, dropped, record.revision, time.monotonic() + self._fresh)

    def _record(self, definition: Definition, name: str) -> Definition | None:
        """Write a definition in place of the one of its revision; return it, or None where another client was quicker."""
        value = codec.encode(
            {
                "partition": self._namespace.original(definition.table.partition),
                "buckets": definition.table.buckets,
                "schema": _definition(definition.schema),
                "dropped": definition.dropped,
            },
            min(_DEFINITION, self._store.driver.limits.value),
        )
        expect = Expect.ABSENT if definition.revision is None else definition.revision
        try:
            [outcome] = self._store.write([Write(Key(self._home, name), value, expect=expect)])
        except OutcomeUnknown as error:
            error.operation = None  # It is about a table of our own, which an application can not ask for.
            raise
        if isinstance(outcome, Error):
            raise outcome
        if outcome is None:
            return None
        # Not read from the backend: should that fail, the caller would be told that nothing was recorded.
        recorded = self._known[name] = self._read(name, Record(value, outcome))
        return recorded

    def _place(self, name: str, partition: str | None, buckets: int) -> Table:
        if not isinstance(buckets, int) or not 1 <= buckets <= 4096:
            raise InvalidValue("a table has 1 to 4096 buckets")
        together = names.check("partition", partition, self._limit) if partition is not None else name
        return Table(self._namespace.public(name), self._namespace.public(together), buckets)


def _definition(schema: Schema | None) -> dict[str, Any] | None:
    return schema.definition if schema is not None else None


def _place(table: Table) -> str:
    return f"partition {table.partition.partition('/')[2]!r} with {table.buckets} bucket(s)"
