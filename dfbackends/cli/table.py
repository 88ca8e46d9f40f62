"""Whole tables: listed, removed."""

from __future__ import annotations

import sys
from typing import Any

import click

from dfbackends.cli import options
from dfbackends.cli.options import opened
from dfbackends.cli.outcome import NO
from dfbackends.cli.output import Output, compact, shown
from dfbackends.cli.progress import Progress
from dfbackends.entry import Entry


@click.command(short_help="Print the keys of a table.")
@options.url
@options.machine
@click.option("--topic", metavar="TOPIC", help="Only the entries of this topic.")
@click.option("--values", is_flag=True, help="The values, too.")
@click.option("--long", "whole", is_flag=True, help="Topic, revision and value, too.")
@click.argument("table")
def ls(url: str, machine: bool, topic: str | None, values: bool, whole: bool, table: str) -> None:
    """Print the keys of TABLE, in no particular order. A table that does not exist is empty.

    The columns of --values and --long are separated by tabs. Names that would not print as they are come in quotes, as JSON.

    \b
    Examples
      dfbackends ls --url sqlite:app.db ports --topic tenant-1
      dfbackends ls --url sqlite:app.db ports --long | sort
      dfbackends ls --url sqlite:app.db ports --values --json | jq -c .value
    """
    output = Output(machine=machine)
    quiet = sys.stdout.isatty()
    with opened(url) as backend, Progress("listing", quiet=quiet) as progress:
        if not values and not whole:
            for count, key in enumerate(backend.db.keys(table, topic=topic), 1):
                output.say(shown(key), key=key)
                progress.advance_to(count)
            return
        for count, entry in enumerate(backend.db.entries(table, topic=topic), 1):
            output.say(_columns(entry, whole=whole), **_fields(entry, whole=whole))
            progress.advance_to(count)


def _columns(entry: Entry, *, whole: bool) -> str:
    about = (shown(entry.topic), str(entry.revision)) if whole else ()
    return "\t".join((shown(entry.key), *about, compact(entry.value)))


def _fields(entry: Entry, *, whole: bool) -> dict[str, Any]:
    return entry._asdict() if whole else {"key": entry.key, "value": entry.value}


@click.command()
@options.url
@options.machine
def tables(url: str, machine: bool) -> None:
    """Print the names of the tables.

    \b
    Example
      dfbackends tables --url sqlite:app.db
    """
    output = Output(machine=machine)
    with opened(url) as backend:
        for name in backend.db.tables():
            output.say(shown(name), table=name)


@click.command(short_help="Remove a table.")
@options.url
@options.machine
@options.yes
@click.argument("table")
def drop(url: str, machine: bool, yes: bool, table: str) -> None:
    """Remove TABLE: all of its entries, and its schema. A table that does not exist is no error.

    \b
    Example
      dfbackends drop --url sqlite:app.db ports --yes
    """
    with opened(url) as backend:
        if not yes and not _agreed(table):
            raise click.exceptions.Exit(NO)
        with Progress("removing"):
            backend.db.drop(table)
    if machine:
        Output(machine=True).document({"table": table, "dropped": True})


def _agreed(table: str) -> bool:
    try:
        return click.confirm(f"Remove the table {shown(table)} and all of its entries?", err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise click.UsageError("nobody answers: give --yes to remove it without a question") from None
