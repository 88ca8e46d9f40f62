"""How a backend is, told without waiting for it for long."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from dfbackends.errors import Code
from dfbackends.mirror import Mirror
from dfbackends.pubsub import PubSubHealth

PREFIX = "dfbackends-"
"""How the names of all threads of a backend begin."""


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

    ``store`` is None when the store answered a read just now, else the reason why it did not; ``unresolved`` counts the writes
    whose outcome is still being asked for; ``threads`` names the threads of the backend that run.
    """

    name: str
    store: Code | None
    unresolved: int
    pubsub: PubSubHealth
    mirrors: tuple[MirrorHealth, ...]
    threads: tuple[str, ...]

    @property
    def well(self) -> bool:
        """Whether the store answers, the line to the messages, where there is one, is up, and all mirrors are current."""
        return self.store is None and self.pubsub.code is None and all(mirror.synced for mirror in self.mirrors)


def mirror_health(mirror: Mirror) -> MirrorHealth:
    """Return how a mirror is."""
    return MirrorHealth(mirror.table, mirror.size, mirror.synced, mirror.synced_at, mirror.code)


def running_threads() -> tuple[str, ...]:
    """Return the names of the threads of dfbackends in this process, sorted."""
    return tuple(sorted(thread.name for thread in threading.enumerate() if thread.name.startswith(PREFIX)))
