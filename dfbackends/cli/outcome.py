"""How a command ends: its exit code, and one line or one JSON object that says why."""

from __future__ import annotations

import json
import os
import signal
from typing import Any, NamedTuple

import click

from dfbackends.errors import (
    BackendError,
    ConfigurationError,
    Conflict,
    EntryError,
    Error,
    InvalidName,
    InvalidValue,
    KeyExists,
    KeyNotFound,
    PartlyDone,
)

NO, USAGE, FAILED = 1, 2, 3
INTERRUPTED = 128 + signal.SIGINT
CLOSED_PIPE = 128 + signal.SIGPIPE


class Declined(Error):
    """The answer is no: what was asked for is not so, or is not done."""


_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (click.ClickException, USAGE),
    (ConfigurationError, USAGE),
    (click.Abort, INTERRUPTED),
    (KeyboardInterrupt, INTERRUPTED),
    (Declined, NO),
    (KeyNotFound, NO),
    (KeyExists, NO),
    (Conflict, NO),
    (InvalidName, NO),
    (InvalidValue, NO),
)


class Stopped(Exception):
    """A command that had done a part ends before the rest: ``error`` is why, ``facts`` say what was done."""

    def __init__(self, text: str, error: BaseException, **facts: int) -> None:
        super().__init__(text)
        self.error = error
        self.facts = facts


class Ending(NamedTuple):
    """The exit code of a command that did not end well, and what to say."""

    code: int
    kind: str
    text: str
    facts: dict[str, Any]

    def say(self, *, machine: bool) -> None:
        """Print one line to standard error, or one JSON object for a machine."""
        if machine:
            click.echo(json.dumps({"error": self.kind, "message": self.text, **self.facts}), err=True)
        else:
            click.echo(f"dfbackends: {one_line(self.text)}", err=True)


def one_line(text: str) -> str:
    """Return the text without what would start a new line or command a terminal."""
    return "".join(char if char.isprintable() else " " if char.isspace() else repr(char)[1:-1] for char in text)


def ending(error: BaseException) -> Ending:
    """Return how the command ends that raised the error."""
    if isinstance(error, Stopped):
        why = ending(error.error)
        return why._replace(text=str(error), facts={**why.facts, **error.facts})
    if isinstance(error, PartlyDone):
        worst = max((ending(failure) for failure in error.failed.values()), key=lambda found: found.code)
        return worst._replace(text=f"{error}; {worst.text}")
    code = next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)
    facts = {"code": error.code} if isinstance(error, BackendError) else {}
    return Ending(code, type(error).__name__, _text(error), facts)


def _text(error: BaseException) -> str:
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f"{error.format_message()} (`{error.ctx.command_path} --help` explains it)"
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return "interrupted"
    if isinstance(error, OSError):
        return f"{error.filename or 'input or output'}: {os.strerror(error.errno or 0)}"
    if isinstance(error, EntryError):
        # The user has given the key himself; the text of the error, which applications log, leaves it out.
        return f"{error.table}: {error.key!r} {error.problem}"
    if isinstance(error, Conflict) and error.key is not None:
        return f"{error}: {error.key!r}"
    if isinstance(error, Error):
        return str(error)
    return f"a fault in dfbackends itself, {type(error).__name__}: {error} (DFBACKENDS_DEBUG=1 shows where)"
