"""A table, read in."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import islice
from typing import IO, NamedTuple

import click

from dfbackends.cli import options
from dfbackends.cli.interrupt import Interrupt
from dfbackends.cli.lines import item_of
from dfbackends.cli.options import opened
from dfbackends.cli.outcome import Stopped
from dfbackends.cli.output import Output, shown
from dfbackends.cli.progress import Progress
from dfbackends.database import Database
from dfbackends.entry import Item
from dfbackends.errors import Error, InvalidName, InvalidValue, PartlyDone, Refused, TooLarge

# A character of JSON may take six, and there are a key and a topic beside the value.
_LONGEST = 8


class _Line(NamedTuple):
    number: int
    item: Item
    end: int


@click.command(short_help="Read entries into a table.")
@options.url
@options.machine
@click.option(
    "--batch", type=click.IntRange(1, 100_000), default=500, show_default=True, help="Entries that are written at once."
)
@click.argument("table")
@click.argument("file", type=click.File("rb"))
def load(url: str, machine: bool, batch: int, table: str, file: IO[bytes]) -> None:
    """Add or replace entries of TABLE from FILE, or from standard input where FILE is "-".

    FILE holds JSON Lines: an object a line, with key, value and, where there is one, topic. Entries are written in batches,
    each as a whole where the backend has transactions. A line that is not legal ends it with 1: its number is told, and
    nothing behind the last batch is written. Loading the same file again is harmless, and completes what was interrupted.
    With --json a line {"done": n} follows each batch: the first n entries are stored.

    \b
    Examples
      dfbackends load --url sqlite:app.db ports ports.jsonl
      dfbackends dump --url sqlite:old.db ports | dfbackends load --url sqlite:app.db ports -
    """
    output = Output(machine=machine)
    done = 0
    last = 0
    with opened(url) as backend, Interrupt() as interrupt, Progress("loading", _size(file), quiet=machine) as progress:
        writer = _Writer(backend.db, table)
        lines = _lines(file, _LONGEST * backend.db.limits.value)
        size = min(batch, backend.db.limits.commit)
        try:
            while part := list(islice(lines, size)):
                with interrupt.held():
                    writer.write(part)
                    done += len(part)
                    last = part[-1].number
                    if machine:
                        output.document({"done": done})
                        output.flush()
                progress.advance_to(part[-1].end)
        except KeyboardInterrupt as error:
            raise Stopped(f"interrupted: {_done(done, last)}; loading the file again completes it", error, done=done) from None
        except _BadLine as bad:
            raise Stopped(
                f"line {bad.number}: {bad.error}; {_done(done, last)}", bad.error, line=bad.number, done=done
            ) from bad
        except (Error, OSError) as error:
            raise Stopped(f"{error}; {_done(done, last)}", error, done=done) from error
    if not machine:
        output.text(f"{done} entries loaded into {shown(table)}")
    elif not done:
        output.document({"done": 0})


class _BadLine(Exception):
    def __init__(self, number: int, error: Error) -> None:
        super().__init__(number, error)
        self.number = number
        self.error = error


class _Writer:
    """Writes batches, each in one transaction where the backend can, so that a line that is not legal keeps all of it away."""

    def __init__(self, db: Database, table: str) -> None:
        self._db = db
        self._table = table
        self._atomic = db.transactional

    def write(self, lines: list[_Line]) -> None:
        """Write one batch.

        :raises _BadLine: a line is not legal
        """
        if self._atomic:
            try:
                self._commit(lines)
            except Refused as error:
                if error.code != "forbidden":
                    raise
                # Tables of several buckets take no part in transactions.
                self._atomic = False
        if not self._atomic:
            self._put(lines)

    def _commit(self, lines: list[_Line]) -> None:
        with self._db.transaction() as transaction:
            for line in lines:
                try:
                    transaction.put(self._table, line.item.key, line.item.value, topic=line.item.topic)
                except (InvalidName, InvalidValue) as error:
                    raise _BadLine(line.number, error) from error

    def _put(self, lines: list[_Line]) -> None:
        try:
            self._db.put_many(self._table, (line.item for line in lines))
        except PartlyDone as error:
            for line in lines:
                failure = error.failed.get(line.item.key)
                if isinstance(failure, (InvalidName, InvalidValue)):
                    raise _BadLine(line.number, failure) from error
            raise


def _lines(file: IO[bytes], longest: int) -> Iterator[_Line]:
    end = 0
    number = 0
    while text := file.readline(longest + 1):
        number += 1
        end += len(text)
        if len(text) > longest:
            raise _BadLine(number, TooLarge(f"longer than {longest} bytes, which is more than any value may have"))
        if text.isspace():
            continue
        try:
            yield _Line(number, item_of(text), end)
        except InvalidValue as error:
            raise _BadLine(number, error) from error


def _size(file: IO[bytes]) -> int | None:
    """Return the size of a file, None of a pipe."""
    found = os.fstat(file.fileno())
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _done(done: int, last: int) -> str:
    return f"{done} entries, up to line {last}, are stored" if done else "nothing was stored"
