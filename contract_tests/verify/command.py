"""The command ``dfbackends verify``."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import click

from contract_tests.report.conformance import Conformance, Outcome
from contract_tests.report.tally import INTERRUPTED
from contract_tests.report.writer import DATA, PAGE, write
from contract_tests.servers.node import NotStarted
from contract_tests.verify.choice import Choice, without_password
from contract_tests.verify.engine import Engine, Stopped, refused
from contract_tests.verify.preflight import reach
from contract_tests.verify.speed import speeds
from contract_tests.verify.summary import document, failures, summary
from dfbackends.cli import options
from dfbackends.cli.outcome import Declined
from dfbackends.cli.outcome import Stopped as Ended
from dfbackends.cli.output import Output
from dfbackends.cli.progress import Progress
from dfbackends.errors import BackendError

T = TypeVar("T")

_TAIL = 3000
# The cases wait more than they compute.
_PROCESSES = {"quick": 2, "full": 1}


@click.command(short_help="Run the contract against a backend, and report.")
@click.argument("name")
@click.option("--url", metavar="URL", help="Where the backend runs; nothing is done to its server.")
@click.option("--start", is_flag=True, help="Let the harness that the driver ships start a server, and do everything to it.")
@click.option(
    "--nodes", type=click.IntRange(1), metavar="N", help="Start so many nodes; by default as many as it takes to show all."
)
@click.option(
    "--profile",
    type=click.Choice(["quick", "full"]),
    default="full",
    show_default=True,
    help="quick takes half a minute: reduced figures, and the levels Core and Concurrent.",
)
@click.option("--report", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write the report here.")
@click.option("--case", "words", multiple=True, metavar="WORD", help="Run cases with this in their names; may be repeated.")
@click.option("--clause", "clauses", multiple=True, metavar="ID", help="Run the cases of this clause; may be repeated.")
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Repeat what another run left to chance.")
@click.option(
    "--repeat", type=click.IntRange(1), default=1, metavar="N", help="Run each case so often; failing once is failing."
)
@click.option(
    "--deviations",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Failures that are known, in TOML: [[deviation]] with id (of a clause or case), kind, reason, until (a date).",
)
@click.option(
    "--processes", type=click.IntRange(1), metavar="N", help="Run the cases in so many; by default quick in 2, full in 1."
)
@options.machine
def verify(
    name: str,
    url: str | None,
    start: bool,
    nodes: int | None,
    profile: str,
    report: Path | None,
    words: tuple[str, ...],
    clauses: tuple[str, ...],
    seed: int | None,
    repeat: int,
    deviations: Path | None,
    processes: int | None,
    machine: bool,
) -> None:
    """Run the contract of dfbackends against the backend NAME, and say what it is good for.

    NAME is an entry point, as `dfbackends drivers` lists it. An embedded backend needs nothing else; for one with a server say
    --url or --start. With --report the folder gets conformance.json, junit.xml and index.html.

    Ends with 0 if every case that applies passed, with 1 if one failed or the figures mean nothing, with 3 if the backend could
    not be reached or started.

    \b
    Examples
      dfbackends verify memory --profile quick --report out/
      dfbackends verify redis --start --report out/
      dfbackends verify redis --url redis://127.0.0.1:6379 --clause KV-07 --seed 42
    """
    if url is not None and start:
        raise click.UsageError("--url and --start exclude each other: the server runs already, or is started", _context())
    choice = Choice(name, url, start, nodes)
    server = choice.server()
    with Progress("looking whether it answers", quiet=machine):
        _reached(choice, lambda: reach(server))
    given = [f"--contract-profile={profile}", f"--contract-repeat={repeat}"]
    given += [f"--contract-case={word}" for word in words] + [f"--contract-clause={clause}" for clause in clauses]
    given += [f"--contract-seed={seed}"] if seed is not None else []
    given += [f"--contract-deviations={deviations}"] if deviations is not None else []
    with ExitStack() as ended:
        own = Path(ended.enter_context(tempfile.TemporaryDirectory(prefix="dfbackends-verify-")))
        folder = report if report is not None else own / "report"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / DATA).unlink(missing_ok=True)
        began = time.monotonic()
        stopped = _run(
            Engine(choice, own, [*given, f"--contract-report={folder}"], processes or _PROCESSES[profile]), quiet=machine
        )
        found = _found(folder / DATA, stopped)
        if profile == "full" and not found.extent.partial and not _bad(found):
            with Progress("measuring", quiet=machine):
                found = replace(found, speeds=tuple(_reached(choice, lambda: speeds(choice.server()))))
            write(found, folder)
    _say(found, Output(machine=machine), time.monotonic() - began, report)
    _end(found, stopped)


def _context() -> click.Context:
    return click.get_current_context()


def _reached(choice: Choice, call: Callable[[], T]) -> T:
    """Return what a call returns that needs a server."""
    where = without_password(choice.url) if choice.url is not None else choice.name
    try:
        return call()
    except (NotStarted, BackendError) as error:
        raise Ended(f"{where} can not be reached: {error}", error) from error


def _run(engine: Engine, *, quiet: bool) -> Stopped:
    with ExitStack() as shown:
        bars: list[Progress] = []

        def hear(done: int, total: int) -> None:
            if not bars:
                bars.append(shown.enter_context(Progress("running the cases", total, quiet=quiet)))
            bars[0].advance_to(done)

        return engine.run(hear)


def _found(data: Path, stopped: Stopped) -> Conformance:
    """Return the report of a run."""
    reason = refused(stopped)
    if reason is not None:
        raise click.UsageError(reason, _context())
    if data.exists():
        return Conformance.read(data)
    if stopped.interrupted:
        raise KeyboardInterrupt
    error = NotStarted(stopped.output[-_TAIL:].strip())
    raise Ended(f"the run ended with code {stopped.code} and without a report; the end of its output: {error}", error)


def _say(found: Conformance, output: Output, seconds: float, report: Path | None) -> None:
    if output.machine:
        output.document(document(found, str(report) if report is not None else None))
        return
    for line in (*failures(found), *summary(found, seconds)):
        output.text(line)
    if report is not None:
        output.text(f"report: {report / PAGE}")
    output.flush()


def _end(found: Conformance, stopped: Stopped) -> None:
    """Return if all is well; else raise what says how it ended."""
    left = sum(result.reason == INTERRUPTED for result in found.results)
    if stopped.interrupted:
        raise Ended(f"interrupted: {left} cases were not run", KeyboardInterrupt())
    if not any(result.outcome.ran for result in found.results):
        raise Declined(f"{found.backend}: none of {len(found.results)} cases was run")
    bad = _bad(found)
    if bad or stopped.code != 0:
        empty = bad.count(Outcome.INVALID)
        meaning = f", of which {empty} had figures that mean nothing" if empty else ""
        raise Declined(f"{found.backend}: {len(bad)} of {len(found.results)} cases failed{meaning}")


def _bad(found: Conformance) -> list[Outcome]:
    return [result.outcome for result in found.results if result.outcome in (Outcome.FAILED, Outcome.INVALID)]
