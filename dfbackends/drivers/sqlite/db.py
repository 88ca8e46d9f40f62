"""The database side of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dfbackends.api import (
    Change,
    DbApi,
    Expect,
    Feed,
    Fence,
    Key,
    Message,
    OpId,
    Position,
    Record,
    Stream,
    Table,
    Transactional,
    Watching,
    Write,
)
from dfbackends.drivers.sqlite.faults import ERRORS
from dfbackends.drivers.sqlite.feed import ChangeFeed
from dfbackends.drivers.sqlite.file import File
from dfbackends.drivers.sqlite.heads import Heads
from dfbackends.drivers.sqlite.session import Session
from dfbackends.drivers.sqlite.trim import Trim
from dfbackends.drivers.sqlite.writer import Writer
from dfbackends.errors import ErrorTable

READ = "SELECT value, revision, CAST(topic AS TEXT) FROM entry WHERE tbl = CAST(? AS BLOB) AND name = CAST(? AS BLOB)"
_PAGE = (
    "SELECT CAST(name AS TEXT), value, revision, CAST(topic AS TEXT) FROM entry "
    "WHERE tbl = CAST(? AS BLOB) AND name > CAST(? AS BLOB) ORDER BY name LIMIT 1000"
)
_PAGE_OF_TOPIC = (
    "SELECT CAST(name AS TEXT), value, revision, CAST(topic AS TEXT) FROM entry "
    "WHERE tbl = CAST(? AS BLOB) AND topic = CAST(? AS BLOB) AND topic <> x'' AND name > CAST(? AS BLOB) "
    "ORDER BY name LIMIT 1000"
)
_NAMES = "SELECT CAST(name AS TEXT) FROM entry WHERE tbl = CAST(? AS BLOB) AND name > CAST(? AS BLOB) ORDER BY name LIMIT 1000"
_PAGE_BYTES = 4 << 20

Row = tuple[str, bytes, int, str]


class SqliteDb(DbApi, Transactional, Watching):
    """The entries of a file. Reading and writing have a connection each."""

    errors: ErrorTable = ERRORS

    def __init__(self, file: File, trim: Trim | None = None) -> None:
        file.prepare()
        self._file = file
        self._writer = Writer(file, trim or Trim())
        self._reader = Session(file)
        self._heads: Heads | None = None  # Guarded by the block of _reader.
        # The lock of the connection, and that of the file.
        self.timeout: float = 2 * file.timeout

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        with self._reader as connection:
            cursor = connection.hand
            if len(keys) == 1:
                [((table, _, _), name)] = keys
                row = cursor.execute(READ, (table, name)).fetchone()
                return [None if row is None else Record._make(row)]
            cursor.execute("BEGIN")
            rows = [cursor.execute(READ, (table, name)).fetchone() for (table, _, _), name in keys]
            cursor.execute("COMMIT")
        return [None if row is None else Record._make(row) for row in rows]

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        return self._writer.write(writes, op)

    def commit(
        self, writes: Sequence[Write], checks: Mapping[Key, Expect | int], messages: Sequence[Message], op: OpId
    ) -> list[int] | None:
        revisions = self._writer.commit(writes, checks, messages, op)
        return None if revisions is None else [revision for revision in revisions if revision is not None]

    def cancel(self, keys: Sequence[Key], op: OpId) -> list[int | None | Fence]:
        revisions = self._writer.cancel(op).revisions
        return [Fence.NEVER] * len(keys) if revisions is None else list(revisions)

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        # Who follows the changes of the file that is there now must not be given the entries of another.
        self._reader.look()
        where = (table.name,) if topic is None else (table.name, topic)
        page = _PAGE if topic is None else _PAGE_OF_TOPIC
        rows = self._page(page, (*where, ""))
        while rows:
            for name, value, revision, found_topic in rows:
                yield name, Record(value, revision, found_topic)
            last, *_ = rows[-1]
            rows = self._page(page, (*where, last))

    def _page(self, page: str, place: Sequence[str]) -> list[Row]:
        """Return the next rows behind a name; nothing is held when it returns."""
        rows: list[Row] = []
        size = 0
        with self._reader as connection:
            cursor = connection.execute(page, place)
            for row in cursor:
                rows.append(row)
                size += len(row[1])
                if size > _PAGE_BYTES:
                    break
            cursor.close()
        return rows

    def drop(self, table: Table) -> None:
        last = ""
        while True:
            with self._reader as connection:
                names = [name for [name] in connection.execute(_NAMES, (table.name, last))]
            if not names:
                return
            self._writer.write([Write(Key(table, name), None) for name in names], self._writer.new_op())
            last = names[-1]

    def heads(self, streams: Sequence[Stream]) -> list[str]:
        with self._reader as connection:
            if self._heads is None:
                self._heads = Heads(connection)
            else:
                self._heads.advance(connection)
            return [self._heads[table.name, topic or ""] for table, topic in streams]

    def watch(self, after: Position | None = None) -> Feed[Stream, Change]:
        return ChangeFeed(self._file, after)

    def close(self) -> None:
        self._reader.close()
        self._writer.close()
