"""A database file in the place of which another one is put."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import dfbackends
from contract_tests.fault import Fault
from contract_tests.replaceable import Replaceable


class ReplacedFile(Replaceable):
    """A file, in the place of which another one is put."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "own.db"
        self._others = {how: folder / f"{how.value}.db" for how in (Fault.WIPED, Fault.OLDER, Fault.OTHER)}

    def open(self, **settings: Any) -> dfbackends.Backend:
        parameters = "&".join(f"{name}={value}" for name, value in settings.items())
        return dfbackends.open(f"sqlite:{self.path}?{parameters}")

    def keep(self) -> None:
        copy(self.path, self._others[Fault.OLDER])

    def other(self) -> dfbackends.Backend:
        return dfbackends.open(f"sqlite:{self._others[Fault.OTHER]}")

    def replace(self, how: Fault) -> None:
        if how is Fault.WIPED:
            dfbackends.open(f"sqlite:{self._others[how]}").close()
        with closing(sqlite3.connect(self._others[how])) as connection:
            # All of it into one file.
            connection.execute("PRAGMA journal_mode = DELETE")
        put_in_place(self._others[how], self.path)


def put_in_place(other: Path, store: Path) -> None:
    """Take a store away, and put another file there."""
    take_away(store)
    os.replace(other, store)


def take_away(store: Path) -> None:
    """Remove a store. The file goes before those beside it, so that nobody makes these anew for one that is to go."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{store}{suffix}").unlink(missing_ok=True)


def copy(source: Path, target: Path) -> None:
    """Write the content of a file into another one, which may be in use."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target, timeout=10)) as other:
        one.backup(other)
