"""Servers to be tested, if there are any."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from contract_tests.servers.grouped import Group, Grouped
from dfbackends_redis.testing.program import PROGRAM

HOW = PROGRAM.missing
"""Why there is none, and how to have one."""

MISSING = bool(HOW) and "CI" not in os.environ
"""Then tests are skipped; in CI they fail."""

G = TypeVar("G", bound=Group)


@contextmanager
def running(make: Callable[[Path], G], folder: Path) -> Iterator[G]:
    """Start servers that are one store, others where somebody else was quicker to take a port, and end them at last."""
    store = Grouped(PROGRAM, 0, make)
    try:
        store.start(folder)
        yield store.group
    finally:
        store.kill()
