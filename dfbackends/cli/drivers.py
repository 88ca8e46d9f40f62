"""What is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from dfbackends import loader
from dfbackends.cli import options
from dfbackends.cli.abilities import lacking
from dfbackends.cli.outcome import one_line
from dfbackends.cli.output import Output, shown
from dfbackends.loader import Installed

_POLLED = "no messages of its own; they are kept in its tables and polled for"


@click.command(short_help="List the backends that are installed.")
@options.machine
def drivers(machine: bool) -> None:
    """List the backends that are installed, what they can do and hold, what they can not, and what is broken.

    A backend has up to two parts, "db" for tables and "pubsub" for messages. Of each there are the distribution that it comes
    from, the version of the contract that it was written for, and its limits as its class tells them: names, topics, values
    and messages in bytes of UTF-8, and the writes of one commit. Nothing is connected to.

    With --json a part is an object: "capabilities" and "limits" are what it has, "lacks" tells by name what it means that it
    does not have others, "error" is null, or why it is broken.

    \b
    Examples
      dfbackends drivers
      dfbackends drivers --json | jq -r 'select(.error) | .name'
    """
    output = Output(machine=machine)
    found = loader.installed()
    carriers = {driver.name for driver in found if driver.kind == "pubsub"}
    for driver in found:
        lacks = _lacks(driver, carriers)
        limits = _limits(driver)
        if machine:
            output.document(driver._asdict() | {"limits": limits, "lacks": lacks})
            continue
        for line in _lines(driver, lacks, limits):
            click.echo(line)


def _lacks(driver: Installed, carriers: set[str]) -> dict[str, str]:
    if driver.error is not None or driver.kind != "db":
        return {}
    return lacking(driver.capabilities) | ({"pubsub": _POLLED} if driver.name not in carriers else {})


def _limits(driver: Installed) -> dict[str, int] | None:
    if driver.limits is None:
        return None
    name, topic, value, commit = driver.limits
    if driver.kind == "db":
        return {"name": name, "topic": topic, "value": value, "commit": commit}
    return {"topic": topic, "message": value}


def _lines(driver: Installed, lacks: dict[str, str], limits: dict[str, Any] | None) -> Iterator[str]:
    contract = f", contract {driver.contract}" if driver.contract is not None else ""
    name = click.style(shown(driver.name), bold=True)
    yield f"{name} ({driver.kind}): {driver.distribution} {driver.version}{contract}"
    if driver.error is not None:
        yield click.style(f"  broken: {one_line(driver.error)}", fg="red")
    if driver.capabilities:
        yield f"  can do: {', '.join(driver.capabilities)}"
    for meaning in lacks.values():
        yield f"  {meaning}"
    if limits is not None:
        yield "  limits: " + ", ".join(f"{what} {most}" for what, most in limits.items())
