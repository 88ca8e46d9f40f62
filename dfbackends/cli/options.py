"""What the commands have in common on their command line: the backend, the form of the output, a JSON value."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import click

import dfbackends
from dfbackends import codec
from dfbackends.cli.progress import Progress
from dfbackends.errors import InvalidValue, TooLarge

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class Decorator(Protocol):
    """Adds an option or an argument to a command."""

    def __call__(self, command: Decorated, /) -> Decorated:
        """Return the command."""


# A character may be written as \\uXXXX, so JSON is at most this much longer than what is stored.
_ESCAPED = 6


def _named(context: click.Context, _: click.Parameter, url: str | None) -> str:
    if not url:
        raise click.UsageError("say which backend: --url sqlite:app.db, or DFBACKENDS_URL in the environment", context)
    return url


url: Decorator = click.option(
    "--url",
    envvar="DFBACKENDS_URL",
    callback=_named,
    metavar="URL",
    help="Which backend, and where: sqlite:app.db, memory:name. `dfbackends drivers` lists what is installed. "
    "The environment variable DFBACKENDS_URL serves as well.",
)
machine: Decorator = click.option(
    "--json", "machine", is_flag=True, help="Print one JSON document a line, and errors as a JSON object, for programs."
)
yes: Decorator = click.option("--yes", is_flag=True, help="Do not ask.")
announce: Decorator = click.option(
    "--announce",
    nargs=2,
    metavar="TOPIC MESSAGE",
    help="Publish MESSAGE (JSON) to TOPIC if, and only if, the write is done.",
)
revision: Decorator = click.option(
    "--revision", type=int, metavar="N", help="Only if the entry is still at this revision; `get --json` tells it."
)
value: Decorator = click.argument("value", required=False)


@contextmanager
def opened(url: str) -> Iterator[dfbackends.Backend]:
    """Open a backend for a block."""
    with Progress("waiting for the backend"):
        backend = dfbackends.open(url)
    with backend:
        yield backend


def given(text: str | None, limit: int) -> Any:
    """Return the JSON value of an argument, or where it is left out, or ``-``, of standard input.

    :raises InvalidValue: it is not JSON, or longer than a value of the backend may be
    """
    if text is not None and text != "-":
        return codec.parse(text)
    if text is None and sys.stdin.isatty():
        raise click.UsageError("give a JSON value, as the last argument or on standard input")
    data = sys.stdin.buffer.read(_ESCAPED * limit + 1)
    if len(data) > _ESCAPED * limit:
        raise TooLarge(f"standard input is longer than any value of {limit} bytes, which is what this backend takes")
    return codec.parse(data)


def announced(pair: tuple[str, str] | None) -> tuple[str, Any] | None:
    """Return the topic and the message of ``--announce``.

    :raises InvalidValue: the message is not JSON
    """
    if pair is None:
        return None
    topic, message = pair
    try:
        return topic, codec.parse(message)
    except InvalidValue as error:
        raise InvalidValue(f"the message of --announce: {error}") from None
