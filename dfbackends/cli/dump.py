"""A table, written out."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from dfbackends.cli import lines, options
from dfbackends.cli.lines import in_order, line_of
from dfbackends.cli.options import opened
from dfbackends.cli.output import Output, shown
from dfbackends.cli.progress import Progress
from dfbackends.database import Database
from dfbackends.entry import Entry


@click.command(short_help="Print the entries of a table.")
@options.url
@options.machine
@click.option("--topic", metavar="TOPIC", help="Only the entries of this topic.")
@click.option("--sort", "ordered", is_flag=True, help="Sort by key, so that equal tables give equal dumps.")
@click.option("--checksum", is_flag=True, help="Print no entries, but the SHA-256 of what --sort prints.")
@click.argument("table")
def dump(url: str, machine: bool, topic: str | None, ordered: bool, checksum: bool, table: str) -> None:
    """Print TABLE as JSON Lines: an object a line, with key, value and, where there is one, topic.

    `dfbackends load` reads them. Revisions are not part of it: they are the backend's own.

    \b
    Examples
      dfbackends dump --url sqlite:app.db ports > ports.jsonl
      dfbackends dump --url sqlite:app.db ports --checksum
      dfbackends dump --url sqlite:app.db ports --sort | sha256sum       the same figure
    """
    output = Output(machine=machine)
    quiet = sys.stdout.isatty() and not (ordered or checksum)
    with opened(url) as backend, Progress("dumping", quiet=quiet) as progress:
        entries = _counted(backend.db, table, topic, progress)
        if checksum:
            found = lines.checksum(entries)
            output.say(f"{found.sha256}  {shown(table)}", table=table, **found._asdict())
        elif ordered:
            for line in in_order(entries):
                output.text(line[:-1].decode())
        else:
            for entry in entries:
                output.text(line_of(entry))


def _counted(db: Database, table: str, topic: str | None, progress: Progress) -> Iterator[Entry]:
    for count, entry in enumerate(db.entries(table, topic=topic), 1):
        progress.advance_to(count)
        yield entry
