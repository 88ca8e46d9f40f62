"""A store in a file that is exchanged for another one under those who use it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import dfbackends


def back_up(store: Path, copy: Path) -> Path:
    """Copy a store as it is now, with whatever is being written to it."""
    with closing(sqlite3.connect(store, timeout=10)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def restore_into(other: Path, store: Path) -> None:
    """Write the content of another file into the one that is open."""
    with closing(sqlite3.connect(other)) as source, closing(sqlite3.connect(store, timeout=10)) as target:
        source.backup(target)


def made(folder: Path, name: str, ports: dict[str, dict[str, str]], tenant: str) -> Path:
    """Return a store of its own, in one file that nobody has open."""
    path = folder / name
    with dfbackends.open(f"sqlite:{path}") as backend:
        for key, port in ports.items():
            backend.db.put("port", key, port, topic=tenant)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    return path
