"""Tables, copied from one backend to another."""

from __future__ import annotations

import os
from collections.abc import Callable

import click

from dfbackends.cli import options
from dfbackends.cli.definitions import Defined, chosen, refuse_others
from dfbackends.cli.interrupt import Interrupt
from dfbackends.cli.options import opened
from dfbackends.cli.outcome import Declined, Stopped
from dfbackends.cli.output import Output, shown
from dfbackends.cli.progress import Progress
from dfbackends.cli.transfer import Transfer
from dfbackends.database import Database
from dfbackends.errors import Error


@click.command(short_help="Copy tables to another backend.")
@click.option("--from", "origin", required=True, metavar="URL", help="The backend that is copied.")
@click.option("--to", "destination", required=True, metavar="URL", help="The backend that it is copied to.")
@options.machine
@click.option("--resume", is_flag=True, help="Go on with a copy that was interrupted: add what is missing, change nothing.")
@click.option("--overwrite", is_flag=True, help="Replace, and remove, what is in the target and not as in the source.")
@click.option(
    "--batch", type=click.IntRange(1, 100_000), default=500, show_default=True, help="Entries that are written at once."
)
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
def copy(
    origin: str,
    destination: str,
    machine: bool,
    resume: bool,
    overwrite: bool,
    batch: int,
    tables: tuple[str, ...],
) -> None:
    """Copy each TABLE, or all, with schema, partition and buckets, keys, values and topics; compare checksums afterwards.

    The target goes on behind the numbers that `allocate` has given in the source for the table. Revisions are not copied.

    A table that has entries, or another schema, in the target already is refused with 1, before anything is written. A copy
    that was interrupted, however, is completed by the same command with --resume, or with --overwrite if the source was
    changed meanwhile; what is in the target as it is in the source is not written again. --overwrite replaces schemas, too.
    The partition and the buckets of a table never change: one that has others in the target is refused in any case.

    The table is created before its entries, which its schema therefore has to allow: one that was stored before there was
    the schema, and breaks it, ends the copy with 1, and is named.

    At the end both are read and their checksums, those of `dump --checksum`, compared: they differ, and it ends with 1,
    when either was written to meanwhile. With --json a line {"table", "done"} follows each batch, and each table one with the
    checksum, whether all is "equal", and what became of the "definition" in the target: "created", "replaced" or "same".

    \b
    Examples
      dfbackends copy --from sqlite:old.db --to sqlite:new.db
      dfbackends copy --from sqlite:old.db --to sqlite:new.db ports networks --resume
    """
    if resume and overwrite:
        raise click.UsageError("--resume changes nothing that is in the target, --overwrite does: give one of them")
    _refuse_itself(origin, destination)
    with opened(origin) as source, opened(destination) as target, Progress("copying", quiet=machine) as progress:
        definitions = chosen(source.db, tables)
        refuse_others(target.db, definitions, replace=overwrite)
        if not (resume or overwrite):
            _refuse_used(target.db, [definition.name for definition in definitions])
        copier = _Copier(Output(machine=machine), progress, overwrite=overwrite)
        transfers = [Transfer(source.db, target.db, each, batch=batch, replace=overwrite) for each in definitions]
        unequal = [transfer.table for transfer in transfers if not copier.copy(transfer)]
    if unequal:
        raise Declined(
            f"not as in the source: {', '.join(map(shown, unequal))}; one of the two was written to meanwhile, or held more "
            "before: --overwrite makes them equal"
        )


class _Copier:
    """Copies one table after the other, and tells how far it is."""

    def __init__(self, output: Output, progress: Progress, *, overwrite: bool) -> None:
        self._output = output
        self._progress = progress
        self._overwrite = overwrite
        self._before = 0

    def copy(self, transfer: Transfer) -> bool:
        """Return whether the table is in the target as it is in the source."""
        name = shown(transfer.table)
        try:
            with Interrupt() as interrupt:
                defined = self._move(transfer, interrupt)
            self._before += transfer.done
            source, target = transfer.checksums(self._advance)
            alike = {"definition": transfer.defined_alike(), "numbers": transfer.numbered_alike()}
            self._before += source.entries + target.entries
        except (Error, Stopped, KeyboardInterrupt) as error:
            text = f"{str(error) or 'interrupted'}; {name}: {transfer.done} entries are copied"
            raise Stopped(f"{text}, {self._how()} goes on", error, done=transfer.done) from error
        did = {"written": transfer.written, "removed": transfer.removed}
        told = ", ".join(f"{count} {what}" for what, count in did.items() if count or what == "written")
        told += ", schema replaced" if defined == "replaced" else ""
        others = " and ".join(what for what, same in alike.items() if not same)
        equal = source == target and not others
        verdict = f"{source.sha256}  {name}  {source.entries} entries, {told}"
        if source != target:
            verdict = f"{target.sha256}  {name}  differs from the source, {source.sha256}; {told}"
        elif others:
            verdict = f"{target.sha256}  {name}  differs from the source in its {others}; {told}"
        self._output.say(verdict, table=transfer.table, **target._asdict(), **did, definition=defined, equal=equal)
        self._output.flush()
        return equal

    def _move(self, transfer: Transfer, interrupt: Interrupt) -> Defined:
        with interrupt.held():
            defined = transfer.define()
        for part in transfer.parts():
            with interrupt.held():
                transfer.put(part)
                if self._output.machine:
                    self._output.document({"table": transfer.table, "done": transfer.done})
                    self._output.flush()
            self._advance(transfer.done)
        if self._overwrite:
            for key in transfer.superfluous():
                with interrupt.held():
                    transfer.remove(key)
        with interrupt.held():
            transfer.number()
        return defined

    def _how(self) -> str:
        return "--overwrite" if self._overwrite else "--resume"

    @property
    def _advance(self) -> Callable[[int], None]:
        before = self._before
        return lambda done: self._progress.advance_to(before + done)


def _refuse_itself(origin: str, destination: str) -> None:
    # Loading these takes longer than all the rest.
    from dfbackends.config import from_url
    from dfbackends.url import parse

    one, two = from_url(parse(origin)), from_url(parse(destination))
    if (one.db.name, one.namespace) == (two.db.name, two.namespace) and all(
        _same(value, two.db.values.get(name)) for name, value in one.db.values.items()
    ):
        raise click.UsageError("--from and --to are the same store, and a copy is for another one")


def _same(one: object, two: object) -> bool:
    """Tell whether two values of an option are the same; those that name a file are, however it is spelled."""
    if one == two or not (isinstance(one, str) and isinstance(two, str)):
        return one == two
    try:
        return os.path.samefile(one, two)
    except (OSError, ValueError):
        return False


def _refuse_used(target: Database, names: list[str]) -> None:
    used = [shown(name) for name in names if next(target.keys(name), None) is not None]
    if used:
        raise Declined(
            f"the target has entries in {', '.join(used)}, and nothing was copied: --resume goes on with a copy that was "
            "interrupted, --overwrite replaces them"
        )
