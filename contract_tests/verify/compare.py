"""The command ``dfbackends compare``."""

from __future__ import annotations

from pathlib import Path

import click

from contract_tests.report import comparison
from contract_tests.report.conformance import Conformance, NotAReport
from dfbackends.cli.output import Output


@click.command("compare", short_help="Put reports of verify beside each other.")
@click.argument("reports", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a page.")
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write two tables.")
def compare(reports: tuple[Path, ...], html: Path | None, markdown: Path | None) -> None:
    """Put several conformance.json, which `dfbackends verify --report` writes, beside each other, in the order given.

    Without --html and --markdown the tables are printed.

    \b
    Examples
      dfbackends compare memory/conformance.json redis/conformance.json --html backends.html
      dfbackends compare */conformance.json --markdown guarantees.md
    """
    try:
        compared = comparison.compare([Conformance.read(path) for path in reports])
    except NotAReport as error:
        raise click.BadParameter(str(error), click.get_current_context(), param_hint="REPORTS") from None
    if html is not None:
        html.write_text(comparison.page(compared), encoding="utf-8")
    if markdown is not None:
        markdown.write_text(comparison.markdown(compared), encoding="utf-8")
    if html is None and markdown is None:
        Output(machine=False).text(comparison.markdown(compared))
