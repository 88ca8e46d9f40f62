"""Tables, copied from one backend to another."""

from __future__ import annotations

from collections.abc import Callable

import click

from dfbackends.cli import options
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
    """Copy each TABLE, or all, with keys, values and topics, and compare checksums afterwards.

    A table that has entries in the target already is refused with 1, before anything is written. A copy that was interrupted,
    however, is completed by the same command with --resume, or with --overwrite if the source was changed meanwhile; entries
    that are in the target as they are in the source are not written again.

    At the end both are read and their checksums, those of `dump --checksum`, compared: they differ, and it ends with 1,
    when either was written to meanwhile. With --json a line {"table", "done"} follows each batch, and one with the checksum
    each table.

    Not copied: schemas, partitions and buckets, which a backend does not tell (create the table in the target before, with
    what it had; its schema then holds for what is copied), tables without entries, the numbers of `allocate`, revisions.

    \b
    Examples
      dfbackends copy --from sqlite:old.db --to sqlite:new.db
      dfbackends copy --from sqlite:old.db --to sqlite:new.db ports networks --resume
    """
    if resume and overwrite:
        raise click.UsageError("--resume changes nothing that is in the target, --overwrite does: give one of them")
    with opened(origin) as source, opened(destination) as target, Progress("copying", quiet=machine) as progress:
        names = _chosen(source.db, tables)
        if not (resume or overwrite):
            _refuse_used(target.db, names)
        copier = _Copier(Output(machine=machine), progress, overwrite=overwrite)
        unequal = [
            name for name in names if not copier.copy(Transfer(source.db, target.db, name, batch=batch, replace=overwrite))
        ]
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
                self._move(transfer, interrupt)
            self._before += transfer.done
            source, target = transfer.checksums(self._advance)
            self._before += source.entries + target.entries
        except (Error, Stopped, KeyboardInterrupt) as error:
            text = f"{str(error) or 'interrupted'}; {name}: {transfer.done} entries are copied"
            raise Stopped(f"{text}, {self._how()} goes on", error, done=transfer.done) from error
        did = {"written": transfer.written, "removed": transfer.removed}
        told = ", ".join(f"{count} {what}" for what, count in did.items() if count or what == "written")
        verdict = f"{source.sha256}  {name}  {source.entries} entries, {told}"
        if source != target:
            verdict = f"{target.sha256}  {name}  differs from the source, {source.sha256}; {told}"
        self._output.say(verdict, table=transfer.table, **target._asdict(), **did, equal=source == target)
        self._output.flush()
        return source == target

    def _move(self, transfer: Transfer, interrupt: Interrupt) -> None:
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

    def _how(self) -> str:
        return "--overwrite" if self._overwrite else "--resume"

    @property
    def _advance(self) -> Callable[[int], None]:
        before = self._before
        return lambda done: self._progress.advance_to(before + done)


def _chosen(source: Database, tables: tuple[str, ...]) -> list[str]:
    """Return the tables to copy. One that is named and holds nothing is taken for a slip: --overwrite would empty the target.

    :raises Declined: there is none
    """
    if not tables:
        found = source.tables()
        if not found:
            raise Declined("the source has no tables")
        return found
    for name in tables:
        if next(source.keys(name), None) is None and name not in source.tables():
            raise Declined(f"the source has no table {shown(name)}")
    return list(dict.fromkeys(tables))


def _refuse_used(target: Database, names: list[str]) -> None:
    used = [shown(name) for name in names if next(target.keys(name), None) is not None]
    if used:
        raise Declined(
            f"the target has entries in {', '.join(used)}, and nothing was copied: --resume goes on with a copy that was "
            "interrupted, --overwrite replaces them"
        )
