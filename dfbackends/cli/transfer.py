"""The entries of a table, brought from one database to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice

from dfbackends.cli.definitions import Defined, alike, define
from dfbackends.cli.lines import Checksum, checksum, line_of
from dfbackends.cli.outcome import Declined, Stopped
from dfbackends.cli.output import shown
from dfbackends.cli.side import side
from dfbackends.database import Database
from dfbackends.definition import TableDefinition
from dfbackends.entry import Entry, Item
from dfbackends.errors import KeyNotFound, PartlyDone

_BYTES = 4 << 20
"""What the entries of a batch may have as JSON, so that large values take no more memory than small ones."""

_KEYS = 100
"""Keys that the source is asked about at once: their values come as well, however large."""


class Transfer:
    """A table on its way. ``done`` counts the entries that are known to be in the target, ``written`` those that were not."""

    def __init__(self, source: Database, target: Database, definition: TableDefinition, *, batch: int, replace: bool) -> None:
        """Take batches of at most ``batch`` entries; ``replace`` what is another in the target, instead of refusing it."""
        self.table: str = definition.name
        self.done: int = 0
        self.written: int = 0
        self.removed: int = 0
        self._definition = definition
        self._source = source
        self._target = target
        self._batch = batch
        self._replace = replace

    def define(self) -> Defined:
        """Give the table of the target its definition.

        :raises Stopped: the target has another one, and is not to be replaced; or it failed
        """
        with side("target"):
            return define(self._target, self._definition, replace=self._replace)

    def parts(self) -> Iterator[list[Entry]]:
        """Yield the entries of the source in batches, bounded in number and in bytes."""
        part: list[Entry] = []
        size = 0
        with side("source"):
            entries = self._source.entries(self.table)
        while True:
            with side("source"):
                entry = next(entries, None)
            if entry is None:
                break
            part.append(entry)
            size += len(line_of(entry))
            if len(part) == self._batch or size >= _BYTES:
                yield part
                part, size = [], 0
        if part:
            yield part

    def put(self, part: list[Entry]) -> None:
        """Write what the target does not have.

        :raises Stopped: the target has another entry under one of the keys, and is not to be replaced; or it failed
        """
        with side("target"):
            there = self._target.get_many(self.table, [entry.key for entry in part])
            missing = [entry for entry, old in zip(part, there, strict=True) if old is None or line_of(entry) != line_of(old)]
            others = {old.key for old in there if old is not None}
            clash = next((entry.key for entry in missing if entry.key in others), None)
            if clash is not None and not self._replace:
                name = shown(self.table)
                raise Declined(f"{name}: {clash!r} is another entry there; --overwrite replaces what is not as in the source")
            if missing:
                self._write([Item(entry.key, entry.value, entry.topic) for entry in missing])
        self.written += len(missing)
        self.done += len(part)

    def superfluous(self) -> Iterator[str]:
        """Yield the keys of the target that the source does not have."""
        with side("target"):
            keys = self._target.keys(self.table)
        while True:
            with side("target"):
                part = list(islice(keys, _KEYS))
            if not part:
                return
            with side("source"):
                found = self._source.get_many(self.table, part)
            yield from (key for key, entry in zip(part, found, strict=True) if entry is None)

    def remove(self, key: str) -> None:
        """Remove an entry from the target."""
        with side("target"), suppress(KeyNotFound):
            self._target.delete(self.table, key)
            self.removed += 1

    def number(self) -> None:
        """Let the target go on behind the numbers that the source has allocated, since entries may hold them."""
        with side("source"):
            last = self._source.allocated(self.table)
        with side("target"):
            if last > self._target.allocated(self.table):
                self._target.allocate(self.table, after=last - 1)

    def numbered_alike(self) -> bool:
        """Tell whether the target will allocate no number that the source has allocated by now."""
        with side("source"):
            last = self._source.allocated(self.table)
        with side("target"):
            return last <= self._target.allocated(self.table)

    def defined_alike(self) -> bool:
        """Tell whether the table has one definition on both sides now."""
        with side("source"):
            one = self._source.definition(self.table)
        with side("target"):
            two = self._target.definition(self.table)
        return alike(one, two)

    def checksums(self, advance: Callable[[int], None]) -> tuple[Checksum, Checksum]:
        """Return the checksums of source and target, read now; ``advance`` is told how many entries were read."""
        found = []
        count = 0

        def counted(entries: Iterator[Entry]) -> Iterator[Entry]:
            nonlocal count
            for entry in entries:
                count += 1
                advance(count)
                yield entry

        for name, database in (("source", self._source), ("target", self._target)):
            with side(name):
                found.append(checksum(counted(database.entries(self.table))))
        return found[0], found[1]

    def _write(self, items: list[Item]) -> None:
        try:
            self._target.put_many(self.table, items)
        except PartlyDone as error:
            self.written += len(error.done)
            key = next(iter(error.failed))
            raise Stopped(f"{error}, the first is {key!r}: {error.failed[key]}", error) from error
