"""The command ``demo``, and the hidden one that runs its second process."""

from __future__ import annotations

import logging
import tempfile
import uuid

import click

import dfbackends
from dfbackends.cli import options
from dfbackends.cli.demo import agent, alone, together
from dfbackends.cli.demo.alone import Failed
from dfbackends.cli.demo.narrator import Narrator
from dfbackends.cli.options import opened
from dfbackends.cli.outcome import NO, Ending
from dfbackends.url import parse

_SMALL = 50
_USUAL = 100_000
"""Changes that the embedded backends remember unless log_rows says otherwise."""


@click.command(short_help="Show the main job, and a failure.")
@options.machine
@click.option("--ignore-loss", is_flag=True, help="Let the agent ignore what it is told, and see what its copy is worth then.")
@click.argument("url", required=False, metavar="[URL]")
def demo(machine: bool, ignore_loss: bool, url: str | None) -> None:
    """Show the main job, and a failure: on a temporary SQLite file, or on the backend of URL.

    First one process creates, lists, compares and swaps, commits and publishes. Then a second one, an agent, keeps a copy of a
    table; it is frozen for real while more happens than the backend remembers, is told so, and recovers. Ends with 1 if the
    agent's copy is then not what is stored. On a backend of yours it writes a table of its own, and removes it; whoever else is
    subscribed there and falls behind is told of a loss, too.

    \b
    Examples
      dfbackends demo
      dfbackends demo --ignore-loss            what happens to an agent that does not listen
      dfbackends demo sqlite:/tmp/mine.db
    """
    _quiet()
    narrator = Narrator(machine=machine)
    try:
        if url is None:
            with tempfile.TemporaryDirectory(prefix="dfbackends-demo-") as folder:
                _show(f"sqlite:{folder}/demo.db?log_rows={_SMALL}", narrator, ignore_loss=ignore_loss)
        else:
            _show(url, narrator, ignore_loss=ignore_loss)
    except Failed as error:
        Ending(NO, "DemoFailed", str(error), {}).say(machine=machine)
        raise click.exceptions.Exit(NO) from error


@click.command(hidden=True)
@options.url
@click.option("--ignore-loss", is_flag=True)
@click.argument("table")
@click.argument("topic")
def demo_agent(url: str, ignore_loss: bool, table: str, topic: str) -> None:
    """Be the second process of `dfbackends demo`."""
    _quiet()
    agent.run(url, table, topic, ignore_loss=ignore_loss)


def _show(url: str, narrator: Narrator, *, ignore_loss: bool) -> None:
    unique = uuid.uuid4().hex[:8]
    table, topic = f"demo-{unique}", f"demo-{unique}"
    target = parse(url)
    narrator.remark(f"dfbackends {_version()} on {target.name}")
    with opened(url) as backend:
        try:
            alone.show(backend, table, topic, narrator)
            if target.name == "memory":
                narrator.remark("The second half needs two processes, and memory: lives in one. `dfbackends demo` has it.")
                return
            rows = target.options.get("log_rows", str(_USUAL))
            together.show(backend, url, table, topic, narrator, log_rows=int(rows), ignore_loss=ignore_loss)
        finally:
            backend.db.drop(table)
    narrator.chapter("Nothing was lost in silence.")


def _quiet() -> None:
    # That lines break is told by the story, not by the log.
    logging.getLogger("dfbackends").setLevel(logging.ERROR)


def _version() -> str:
    from importlib.metadata import version

    return version(dfbackends.__name__)
