"""What becomes of values, and what limits are true."""

from __future__ import annotations

import json
import math
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from contract_tests.mutants.registry import mutant
from dfbackends import InvalidValue
from dfbackends.api import Expect, Key, Message, OpId, Record, Table, Write
from dfbackends.catalog import Catalog, Definition
from dfbackends.drivers.memory import MemoryDb, MemoryPubSub, Store
from dfbackends.encoder import Encoder
from dfbackends.errors import Meaning, Refused


class TooMuch(Exception):
    """The backend can not hold it."""


class Narrow(MemoryDb):
    """Has an error for what it can not hold."""

    errors = (Meaning(TooMuch, None, Refused, "protocol"), *MemoryDb.errors)


@mutant(kills="test_the_limit_of_a_value")
class ValuesAreCut(Store):
    """Values are cut at 64 KiB."""

    def put(self, write: Write, op: OpId) -> int:
        return super().put(write._replace(value=write.value and write.value[: 1 << 16]), op)


@mutant(kills="test_the_limit_of_a_value")
class LimitOfValuesIsUntrue(Narrow):
    """Values over 64 KiB are refused, though 1 MiB is declared."""

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        if any(write.value is not None and len(write.value) > 1 << 16 for write in writes):
            raise TooMuch
        return super().write(writes, op)


@mutant(kills="test_declared_limits_are_true")
class LimitOfTablesIsUntrue(Narrow):
    """Names of tables over 255 bytes are refused, though 512 are declared."""

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        if any(len(write.key.table.name.encode()) > 255 for write in writes):
            raise TooMuch
        return super().write(writes, op)


@mutant(kills="test_the_limit_of_a_transaction")
class LimitOfCommitsIsUntrue(Narrow):
    """A commit of over 128 writes is refused, though 1,000 are declared."""

    def commit(
        self, writes: Sequence[Write], checks: Mapping[Key, Expect | int], messages: Sequence[Message], op: OpId
    ) -> list[int] | None:
        if len(writes) > 128:
            raise TooMuch
        return super().commit(writes, checks, messages, op)


@mutant(kills="test_topics_go_up_to_their_limit")
class TopicsAreCut(Store):
    """Topics of entries are cut at 100 characters, and what is listed by them, too."""

    def put(self, write: Write, op: OpId) -> int:
        return super().put(write._replace(topic=write.topic[:100]), op)


@mutant(kills="test_a_message_over_the_limit")
class LimitOfMessagesIsUntrue(MemoryPubSub):
    """Messages over 64 KiB vanish, though 1 MiB is declared."""

    def publish(self, messages: Sequence[Message]) -> None:
        super().publish([message for message in messages if len(message.data) <= 1 << 16])


@mutant(kills="test_json_survives")
class EmptyMeansMissing(MemoryDb):
    """An entry with an empty value is not found."""

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        return [
            None if record is not None and record.value in (b"null", b'""', b"[]", b"{}") else record
            for record in super().read(keys)
        ]


@mutant(kills="test_json_survives")
class KeysOfObjectsAreSorted(Store):
    """The keys of objects are kept in the order of the alphabet."""

    def put(self, write: Write, op: OpId) -> int:
        if write.value is not None and "/" in write.key.table.name:
            value = json.loads(write.value)
            data = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
            write = write._replace(value=data)
        return super().put(write, op)


@mutant(kills="test_json_survives[9223372036854775807]")
class LargeIntegersAreRounded(Store):
    """Integers are kept as floating-point numbers, which have 53 bits."""

    def put(self, write: Write, op: OpId) -> int:
        if write.value is not None and "/" in write.key.table.name:
            value = json.loads(write.value, parse_int=lambda text: int(float(text)))
            write = write._replace(value=json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
        return super().put(write, op)


@mutant(kills="test_any_json_survives")
class FloatsAreShortened(Store):
    """Of a floating-point number six digits are kept."""

    def put(self, write: Write, op: OpId) -> int:
        if write.value is not None and "/" in write.key.table.name:
            value = json.loads(write.value, parse_float=lambda text: float(f"{float(text):.6g}"))
            write = write._replace(value=json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
        return super().put(write, op)


@mutant(kills="test_what_is_not_json")
class SetsBecomeLists(Encoder):
    """A tuple, or a set, is stored as a list."""

    def entry(self, table: str, key: str, value: Any, topic: str) -> tuple[Key, bytes]:
        return super().entry(table, key, list(value) if isinstance(value, set | tuple) else value, topic)


@mutant(kills="test_what_is_no_name")
class NumbersAreNames(Encoder):
    """A number is taken for a key."""

    def key(self, table: str, key: Any) -> Key:
        return super().key(table, str(key) if isinstance(key, int) else key)


@mutant(kills="test_a_value_that_breaks_the_schema")
class SchemasAreNotChecked(Catalog):
    """A schema is kept, and values are not checked."""

    def writable(self, name: str) -> Definition:
        return super().writable(name)._replace(schema=None)


@mutant(kills="test_the_schema_holds_for_other_handles")
class SchemasAreLocal(Catalog):
    """A schema is known to the handle alone that created the table."""

    def _refreshed(self, name: str, within: float = math.inf) -> Definition:
        known = self._known.get(name)
        found = super()._refreshed(name, within)
        return found._replace(schema=known.schema if known is not None else None)


@mutant(kills="test_another_schema_is_a_conflict")
class SchemasAreReplaced(Catalog):
    """Creating a table with another schema replaces the first."""

    def create(self, name: str, schema: dict[str, Any] | None, partition: str | None, buckets: int, *, replace: bool) -> None:
        super().create(name, schema, partition, buckets, replace=True)


@mutant(kills="test_what_is_no_schema")
class WrongSchemasAreDropped(Catalog):
    """A table with a schema that is none is made without one."""

    def create(self, name: str, schema: dict[str, Any] | None, partition: str | None, buckets: int, *, replace: bool) -> None:
        try:
            super().create(name, schema, partition, buckets, replace=replace)
        except InvalidValue:
            super().create(name, None, partition, buckets, replace=replace)


@mutant(kills="test_references_are_never_fetched")
class ReferencesAreFetched(Catalog):
    """What a schema refers to is looked for on the network."""

    def create(self, name: str, schema: dict[str, Any] | None, partition: str | None, buckets: int, *, replace: bool) -> None:
        reference = schema.get("$ref", "") if isinstance(schema, dict) else ""
        if reference.startswith("http://127.0.0.1"):
            with suppress(OSError):
                urllib.request.urlopen(reference, timeout=5).close()
        super().create(name, schema, partition, buckets, replace=replace)


@mutant(kills="test_a_definition_is_kept_in_the_backend")
class DroppedTablesMove(Catalog):
    """A dropped table forgets where it lived."""

    def drop(self, name: str) -> None:
        super().drop(name)
        self._store.write([Write(Key(self._home, name), None)])
        self._known.pop(name, None)


@mutant(kills="test_tables_are_those_created_and_written")
class InternalTablesAreShown(Catalog):
    """The tables that the library keeps for itself are in the list."""

    def names(self) -> list[str]:
        ids = Table(self._namespace.internal("ids"), self._namespace.internal("ids"))
        inner = ["ids"] if any(True for _ in self._store.scan(ids, None)) else []
        return sorted([*super().names(), *inner])


@mutant(kills="test_a_table_stays_where_it_is")
class BucketsHideEntries(MemoryDb):
    """Of a table of several buckets only the first is listed."""

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        found = super().scan(table, topic)
        return found if table.buckets == 1 else (item for item in found if hash(item[0]) % table.buckets == 0)
