"""One entry: read, written, removed."""

from __future__ import annotations

import click

from dfbackends.cli import options
from dfbackends.cli.options import announced, given, opened
from dfbackends.cli.output import Output, readable

_topic = click.option("--topic", default="", metavar="TOPIC", help="The topic of the entry: a tenant, a host.")


@click.command()
@options.url
@options.machine
@click.argument("table")
@click.argument("key")
def get(url: str, machine: bool, table: str, key: str) -> None:
    """Print the value under KEY in TABLE.

    With --json the whole entry on one line: key, value, topic and revision. A key that is missing ends with 1.

    \b
    Examples
      dfbackends get --url sqlite:app.db ports p1
      dfbackends get --url sqlite:app.db ports p1 --json | jq .revision
    """
    output = Output(machine=machine)
    with opened(url) as backend:
        entry = backend.db.entry(table, key)
    if machine:
        output.document(entry._asdict())
    else:
        output.text(readable(entry.value))


@click.command()
@options.url
@options.machine
@_topic
@options.announce
@click.argument("table")
@click.argument("key")
@options.value
def create(
    url: str,
    machine: bool,
    topic: str,
    announce: tuple[str, str] | None,
    table: str,
    key: str,
    value: str | None,
) -> None:
    """Add an entry that must not exist, and print its revision.

    VALUE is JSON; left out, or "-", it is read from standard input. A key that exists ends with 1, and nothing is changed.

    \b
    Examples
      dfbackends create --url sqlite:app.db ports p1 '{"mac": "fa:16:3e:00:00:01"}' --topic tenant-1
      dfbackends create --url sqlite:app.db ports p2 < port.json
    """
    with opened(url) as backend:
        document = given(value, backend.db.limits.value)
        revision = backend.db.create(table, key, document, topic=topic, announce=announced(announce))
    _print_revision(key, revision, machine=machine)


@click.command()
@options.url
@options.machine
@_topic
@options.revision
@options.announce
@click.argument("table")
@click.argument("key")
@options.value
def put(
    url: str,
    machine: bool,
    topic: str,
    revision: int | None,
    announce: tuple[str, str] | None,
    table: str,
    key: str,
    value: str | None,
) -> None:
    """Add an entry or replace it, and print its revision.

    VALUE is JSON; left out, or "-", it is read from standard input. The topic is replaced as well.

    \b
    Examples
      dfbackends put --url sqlite:app.db ports p1 '{"mac": "fa:16:3e:00:00:01"}' --topic tenant-1
      dfbackends put --url sqlite:app.db ports p1 '{}' --revision 7      only if nobody changed it
      dfbackends put --url sqlite:app.db ports p1 '{}' --announce tenant-1 '"p1 changed"'
    """
    with opened(url) as backend:
        document = given(value, backend.db.limits.value)
        new = backend.db.put(table, key, document, topic=topic, revision=revision, announce=announced(announce))
    _print_revision(key, new, machine=machine)


@click.command()
@options.url
@options.machine
@click.option("--topic", metavar="TOPIC", help="Move the entry to this topic; by default it keeps its own.")
@options.revision
@options.announce
@click.argument("table")
@click.argument("key")
@options.value
def update(
    url: str,
    machine: bool,
    topic: str | None,
    revision: int | None,
    announce: tuple[str, str] | None,
    table: str,
    key: str,
    value: str | None,
) -> None:
    """Replace an entry that must exist, and print its revision.

    VALUE is JSON; left out, or "-", it is read from standard input. A key that is missing ends with 1.

    \b
    Examples
      dfbackends update --url sqlite:app.db ports p1 '{"mac": "fa:16:3e:00:00:02"}'
      dfbackends update --url sqlite:app.db ports p1 '{}' --topic tenant-2
    """
    with opened(url) as backend:
        document = given(value, backend.db.limits.value)
        new = backend.db.update(table, key, document, topic=topic, revision=revision, announce=announced(announce))
    _print_revision(key, new, machine=machine)


@click.command()
@options.url
@options.machine
@options.revision
@options.announce
@click.argument("table")
@click.argument("key")
def delete(
    url: str,
    machine: bool,
    revision: int | None,
    announce: tuple[str, str] | None,
    table: str,
    key: str,
) -> None:
    """Remove an entry. A key that is missing ends with 1.

    \b
    Examples
      dfbackends delete --url sqlite:app.db ports p1
      dfbackends delete --url sqlite:app.db ports p1 --announce tenant-1 '"p1 is gone"'
    """
    with opened(url) as backend:
        backend.db.delete(table, key, revision=revision, announce=announced(announce))
    if machine:
        Output(machine=True).document({"key": key, "deleted": True})


def _print_revision(key: str, revision: int, *, machine: bool) -> None:
    Output(machine=machine).say(str(revision), key=key, revision=revision)
