"""What is installed."""

from __future__ import annotations

import click

from dfbackends import loader
from dfbackends.cli import options
from dfbackends.cli.output import Output
from dfbackends.loader import Installed


@click.command(short_help="List the backends that are installed.")
@options.machine
def drivers(machine: bool) -> None:
    """List the backends that are installed, what they can do, and what is broken.

    A backend has up to two parts, "db" for tables and "pubsub" for messages. Nothing is connected to.

    \b
    Examples
      dfbackends drivers
      dfbackends drivers --json | jq -r 'select(.error) | .name'
    """
    found = loader.installed()
    if not machine:
        _print_table(found)
        return
    output = Output(machine=True)
    for driver in found:
        output.document(driver._asdict())


def _print_table(found: list[Installed]) -> None:
    # rich takes longer to import than most commands run.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("name", "part", "distribution", "version", "can do", box=None, pad_edge=False)
    for driver in found:
        abilities = ", ".join(driver.capabilities) if driver.error is None else "broken"
        table.add_row(
            Text(driver.name, style="bold"),
            driver.kind,
            Text(driver.distribution),
            Text(driver.version),
            Text(abilities, style="red" if driver.error else ""),
        )
    console = Console(highlight=False)
    console.print(table)
    for driver in found:
        if driver.error:
            console.print(Text(f"{driver.name} ({driver.kind}): {driver.error}", style="red"), soft_wrap=True)
