"""What the database and the publisher of a store have in common: they end."""

from __future__ import annotations

from dfbackends.drivers.memory.store import Store
from dfbackends.errors import ErrorTable, Meaning, Unavailable


class HandleClosed(Exception):
    """The object was closed before, or while, it was called."""


class Handle:
    """Holds a store until it is closed. All calls are done under the lock of the store, and none of them waits."""

    errors: ErrorTable = (Meaning(HandleClosed, None, Unavailable, "unreachable"),)

    def __init__(self, store: Store) -> None:
        self._held: Store | None = store

    @property
    def _store(self) -> Store:
        store = self._held
        if store is None:
            raise HandleClosed
        return store

    def close(self) -> None:
        self._held = None
