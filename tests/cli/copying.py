"""Stores that are copied, and copies that are interrupted."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dfbackends
from dfbackends import TableDefinition
from tests.cli.running import Result, lines, run, start

LONG = "ports" * 80
"""With this name of a table what a copy tells soon fills the pipe, so that it waits in the middle until it is read."""


def entries(count: int) -> list[dict[str, Any]]:
    return [{"key": f"k{number:06}", "value": {"n": number, "ü": [None]}, "topic": f"t{number % 3}"} for number in range(count)]


def load(url: str, given: list[dict[str, Any]], table: str = "ports") -> None:
    assert run("load", "--url", url, table, "-", stdin=lines(given)).code == 0


def dumped(url: str, table: str = "ports") -> list[dict[str, Any]]:
    return run("dump", "--url", url, table, "--sort").documents


def checksum(url: str, table: str = "ports") -> dict[str, object]:
    [document] = run("dump", "--url", url, table, "--checksum", "--json").documents
    assert isinstance(document, dict)
    return document


def create(url: str, table: str, schema: dict[str, Any] | None = None, **place: Any) -> None:
    with dfbackends.open(url) as backend:
        backend.db.create_table(table, schema, **place)


def definition(url: str, table: str = "ports") -> TableDefinition | None:
    with dfbackends.open(url) as backend:
        return backend.db.definition(table)


def copied(url: str, other: str, *arguments: str) -> Result:
    return run("copy", "--from", url, "--to", other, *arguments)


@contextmanager
def copying(url: str, other: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a copy in a process, with a line for each ten entries; of the table LONG it waits behind some 150 lines."""
    with start("copy", "--from", url, "--to", other, "--json", "--batch", "10", *arguments) as process:
        try:
            yield process
        finally:
            process.kill()


def told(process: subprocess.Popen[str], count: int) -> int:
    """Return how many entries a copy has told of after so many lines."""
    assert process.stdout is not None
    done = 0
    for _ in range(count):
        done = json.loads(process.stdout.readline())["done"]
    return done
