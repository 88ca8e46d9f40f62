"""A table, followed."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, NamedTuple

import click

from dfbackends.cli import options
from dfbackends.cli.options import opened
from dfbackends.cli.outcome import Stopped, one_line
from dfbackends.cli.output import Output, compact, shown

if TYPE_CHECKING:
    from dfbackends import Changed, Mirror

_AHEAD = 1000
"""How many changes wait for a reader that is slow, before the mirror waits for it as well."""

_LOOK = 0.005
"""Seconds after which the mirror looks for room again."""

_PATIENCE = 3.0
"""Seconds after which a copy that has not become current for the first time is called stale."""


@click.command(short_help="Print the entries of a table, and what becomes of them.")
@options.url
@options.machine
@click.option("--topic", "topics", metavar="TOPIC", multiple=True, help="Only entries of this topic; may be given again.")
@click.argument("table")
def watch(url: str, machine: bool, topics: tuple[str, ...], table: str) -> None:
    """Print the entries of TABLE, and then each change, until Ctrl-C.

    Entries that are there already come first, as added. The columns are separated by tabs: added, updated or removed; the
    key, the topic, the revision and the value as they are now, of a removed entry as they were. With --topic an entry that
    moves to another topic is removed. What changed several times while the line was down, or while nobody read, is told
    once, as what became of it.

    A line on standard error says when all that is stored was printed, and when something may be missing for now. With --json
    these are among the others: {"state": "synced"} and {"state": "stale"}; changes are {"change", "key", "value", "topic",
    "revision"}.

    \b
    Examples
      dfbackends watch --url sqlite:app.db ports
      dfbackends watch --url sqlite:app.db ports --topic tenant-1 --json | jq 'select(.change == "removed") | .key'
    """
    printer = _Printer(Output(machine=machine), table)
    reports = _Reports()
    with opened(url) as backend:
        mirror = backend.mirror(table, topics=topics or None, on_change=reports.changed, on_state=reports.state)
        with mirror, reports:
            try:
                printer.follow(reports)
            except KeyboardInterrupt as error:
                text = f"interrupted: {printer.count} changes of {shown(table)} were printed"
                raise Stopped(text, error, changes=printer.count) from None


class _State(NamedTuple):
    synced: bool


class _Reports:
    """What the thread of a mirror tells, for the one that prints, which Ctrl-C and a closed pipe can end.

    The one that prints takes no lock of Python's own: Ctrl-C can leave such a lock held for ever. So it is the other who looks
    for room.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Changed | _State] = queue.SimpleQueue()
        self._ended = False
        self._pause = threading.Event()

    def changed(self, change: Changed) -> None:
        while not self._ended and self._queue.qsize() >= _AHEAD:
            self._pause.wait(_LOOK)
        if not self._ended:
            self._queue.put(change)

    def state(self, _: Mirror, synced: bool) -> None:
        if not self._ended:
            self._queue.put(_State(synced))

    def next(self, timeout: float | None) -> Changed | _State | None:
        """Return the next one; None where none comes in time."""
        try:
            return self._queue.get(timeout=timeout)
        except queue.Empty:
            return None

    @property
    def at_hand(self) -> bool:
        return not self._queue.empty()

    def __enter__(self) -> _Reports:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True


class _Printer:
    def __init__(self, output: Output, table: str) -> None:
        self.count = 0
        self._output = output
        self._table = table

    def follow(self, reports: _Reports) -> None:
        """Print reports as they come. Returns by an exception only."""
        patience: float | None = _PATIENCE
        while True:
            report = reports.next(patience) or _State(synced=False)
            patience = None
            if isinstance(report, _State):
                self._print_state(synced=report.synced)
            else:
                self._print(report)
            if not reports.at_hand:
                self._output.flush()

    def _print(self, change: Changed) -> None:
        entry = change.new or change.old
        if entry is None:
            return
        kind = "removed" if change.new is None else "added" if change.old is None else "updated"
        columns = (kind, shown(entry.key), shown(entry.topic), str(entry.revision), compact(entry.value))
        self._output.say("\t".join(columns), change=kind, **entry._asdict())
        self.count += 1

    def _print_state(self, *, synced: bool) -> None:
        if self._output.machine:
            self._output.document({"state": "synced" if synced else "stale"})
            return
        # What was printed before it must be seen before it.
        self._output.flush()
        name = one_line(shown(self._table))
        click.echo(f"{name} is current; Ctrl-C ends" if synced else f"{name} may be stale: it is read again", err=True)
