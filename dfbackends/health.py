"""How a backend is, told without waiting for it for long."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from dfbackends.errors import Code
from dfbackends.pubsub import PubSubHealth

PREFIX = "dfbackends-"
"""How the names of all threads of a backend begin."""


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
    threads: tuple[str, ...]

    @property
    def well(self) -> bool:
        """Whether the store answers and the line to the messages, where there is one, is up."""
        return self.store is None and self.pubsub.code is None


def running_threads() -> tuple[str, ...]:
    """Return the names of the threads of dfbackends in this process, sorted."""
    return tuple(sorted(thread.name for thread in threading.enumerate() if thread.name.startswith(PREFIX)))
