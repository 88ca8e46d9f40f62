"""The program: its commands, those that other packages add, and how it ends."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import metadata
from typing import Any, NoReturn

import click

from dfbackends.cli.check import check
from dfbackends.cli.copy import copy
from dfbackends.cli.demo import demo, demo_agent
from dfbackends.cli.drivers import drivers
from dfbackends.cli.dump import dump
from dfbackends.cli.entry import create, delete, get, put, update
from dfbackends.cli.load import load
from dfbackends.cli.outcome import CLOSED_PIPE, FAILED, Ending, Stopped, ending
from dfbackends.cli.output import drop_output
from dfbackends.cli.table import drop, ls, tables
from dfbackends.cli.topic import publish, subscribe
from dfbackends.cli.watch import watch

PLUGINS = "dfbackends.commands"
"""The group of entry points by which other packages add commands."""


class Program(click.Group):
    """The commands of dfbackends, in the order of their definition, and behind them those of other packages."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of all commands."""
        own = list(self.commands)
        return own + sorted({point.name for point in metadata.entry_points(group=PLUGINS)} - set(own))

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return a command; ours go before those of others."""
        own = super().get_command(context, name)
        if own is not None:
            return own
        points = list(metadata.entry_points(group=PLUGINS, name=name))
        return _loaded(points[0]) if points else None

    def resolve_command(self, context: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name.

        :raises click.UsageError: there is none; the closest is named
        """
        if args and self.get_command(context, args[0]) is None and not args[0].startswith("-"):
            matches = get_close_matches(args[0], self.list_commands(context), n=1)
            remark = f" Did you mean {matches[0]!r}?" if matches else ""
            raise click.UsageError(f"No such command {args[0]!r}.{remark}", context)
        return super().resolve_command(context, args)

    def invoke(self, context: click.Context) -> Any:
        """Run the command. Ends what click would end otherwise: a closed pipe, as any filter does, and Ctrl-C."""
        try:
            return super().invoke(context)
        except BrokenPipeError:
            drop_output()
            raise click.exceptions.Exit(CLOSED_PIPE) from None
        except KeyboardInterrupt as error:
            raise Stopped("interrupted", error) from None


def _loaded(point: metadata.EntryPoint) -> click.Command:
    """Return a command of another package, or where it is broken one that says so: it must not break ours."""
    owner = f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an unknown package"
    try:
        command = point.load()
    except Exception as error:  # noqa: BLE001 - whatever a package raises at its import, ours must run.
        return _broken(point.name, f"{type(error).__name__}: {error}", owner)
    if not isinstance(command, click.Command):
        return _broken(point.name, f"{point.value} is no click command", owner)
    return command


def _broken(name: str, reason: str, owner: str) -> click.Command:
    text = f"The command {name!r} of {owner} is broken: {reason}"

    def fail(arguments: Sequence[str]) -> NoReturn:
        Ending(FAILED, "BrokenCommand", text, {}).say(machine=_for_machines(arguments))
        raise click.exceptions.Exit(FAILED)

    rest = click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)
    return click.Command(
        name, callback=fail, params=[rest], help=text, short_help="(broken)", context_settings={"ignore_unknown_options": True}
    )


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="dfbackends", message="dfbackends %(version)s")
def program() -> None:
    """Keep small JSON documents in a store that is chosen by name, and tell others about every change.

    \b
    Start with
      dfbackends demo                                   what it does, with a real failure
      dfbackends put --url sqlite:app.db ports p1 '{"mac": "fa:16:3e:00:00:01"}'
      dfbackends get --url sqlite:app.db ports p1

    A command ends with 0; with 1 when the answer is no (a key that is missing or exists, a conflict, a value that is not
    legal); with 2 when it was called wrongly; with 3 when the backend failed; with 130 after Ctrl-C. Errors go to standard
    error, as one line, or with --json as a JSON object.
    """


_DATA = (get, put, create, update, delete, ls, tables, drop, load, dump, copy, watch, publish, subscribe)
for _command in (demo, drivers, check, *_DATA, demo_agent):
    program.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command that the arguments name, and end the process."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _prepare_streams(machine=_for_machines(given))
    sys.exit(_run(given))


def _run(arguments: list[str]) -> int:
    try:
        code = program.main(arguments or ["--help"], prog_name="dfbackends", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
        return CLOSED_PIPE
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("DFBACKENDS_DEBUG"):
            raise
        end = ending(error)
        _flush_or_drop()
        end.say(machine=_for_machines(arguments))
        return end.code
    return code if isinstance(code, int) else 0


def _flush_or_drop() -> None:
    """Let what was printed before an error come before it."""
    try:
        sys.stdout.flush()
    except OSError:
        drop_output()


def _for_machines(arguments: Sequence[str]) -> bool:
    return "--json" in arguments


def _prepare_streams(*, machine: bool) -> None:
    # JSON is UTF-8 whatever the locale is.
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace" if stream is sys.stderr else "strict")
    handler = logging.StreamHandler()
    handler.setFormatter(_Document() if machine else _OneLine("dfbackends: %(message)s"))
    # The error that follows says more.
    logging.getLogger("stevedore").setLevel(logging.CRITICAL)
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


class _OneLine(logging.Formatter):
    """Leaves tracebacks to those who look for them."""

    def formatException(self, info: Any) -> str:  # noqa: N802 - the name is logging's.
        return super().formatException(info) if os.environ.get("DFBACKENDS_DEBUG") else ""


class _Document(logging.Formatter):
    """Lets standard error be a JSON object a line, for the one who gave ``--json``."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps({"log": record.levelname.lower(), "message": record.getMessage()})
