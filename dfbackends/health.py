"""How a backend is, told within a second whatever its state."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dfbackends.errors import Code
from dfbackends.line import Line
from dfbackends.mirror import Mirror
from dfbackends.pubsub import PubSubHealth

PREFIX = "dfbackends-"
"""How the names of all threads of a backend begin."""


@dataclass(frozen=True)
class LineHealth:
    """The state of the line that brings the changes of tables to the mirrors."""

    connected: bool
    """Whether it is up; the first mirror opens it."""
    silent: float | None
    """Seconds since the last proof that it is alive; None before it was opened."""
    code: Code | None
    """Why it is down."""
    breaks: int
    """How many times it broke."""


@dataclass(frozen=True)
class MirrorHealth:
    """The state of one mirror: how many entries it has, whether it is current, when it last was (time.time), and why not."""

    table: str
    entries: int
    synced: bool
    synced_at: float | None
    code: Code | None


@dataclass(frozen=True)
class Health:
    """The state of an open backend.

    ``read`` and ``write`` are None when the store did just that now, else the reason why it did not: ``unreachable`` stands
    also for no answer within the second, of a write ``overloaded`` where reading was answered. A store that may only be read
    says ``read_only`` or ``forbidden``.
    """

    name: str
    read: Code | None
    write: Code | None
    unresolved: int
    """The writes whose outcome is still being asked for."""
    pubsub: PubSubHealth
    changes: LineHealth | None
    """The line of changes; None where the store does not tell of any, so that mirrors poll."""
    mirrors: tuple[MirrorHealth, ...]
    threads: tuple[str, ...]
    """The names of the threads of this backend that run."""

    @property
    def well(self) -> bool:
        """Whether the store reads and writes, the lines that were opened are up, and all mirrors are current."""
        lines = self.pubsub.code is None and (self.changes is None or self.changes.code is None)
        current = all(mirror.synced for mirror in self.mirrors)
        return self.read is None and self.write is None and lines and current


def line_health(line: Line[Any, Any]) -> LineHealth:
    """Return how a line is."""
    heard = line.heard
    return LineHealth(line.connected, time.monotonic() - heard if heard is not None else None, line.code, line.breaks)


def mirror_health(mirror: Mirror) -> MirrorHealth:
    """Return how a mirror is."""
    return MirrorHealth(mirror.table, mirror.size, mirror.synced, mirror.synced_at, mirror.code)


def running(threads: Iterable[threading.Thread | None]) -> tuple[str, ...]:
    """Return the names of the threads that run, sorted."""
    return tuple(sorted(thread.name for thread in threads if thread is not None and thread.is_alive()))
