"""Servers that tests start, where there is a program for them, and backends that are opened on them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

import dfbackends
from contract_tests.servers.grouped import Group, Grouped
from contract_tests.servers.program import Program

Open = Callable[..., dfbackends.Backend]

G = TypeVar("G", bound=Group)


def skip_without(program: Program) -> None:
    """Skip the test where the program is not there; in CI it will fail."""
    if program.missing and "CI" not in os.environ:
        pytest.skip(program.missing)


@contextmanager
def running(program: Program, make: Callable[[Path], G], folder: Path) -> Iterator[G]:
    """Start servers that are one store, others where somebody else was quicker to take a port, and end them at last."""
    store = Grouped(program, 0, make)
    try:
        store.start(folder)
        yield store.group
    finally:
        store.kill()


@pytest.fixture
def opened() -> Iterator[Open]:
    """Open backends by their URLs; they are closed at the end."""
    backends: list[dfbackends.Backend] = []

    def open(url: str, *, wait: float = 5.0) -> dfbackends.Backend:  # noqa: A001 - that is what it does.
        backends.append(dfbackends.open(url, wait=wait))
        return backends[-1]

    yield open
    for backend in backends:
        backend.close()
