"""Stores without any capability that are replaced under those who use them."""

from __future__ import annotations

import time
from pathlib import Path

from contract_tests import Replaceable
from contract_tests.servers.replaced_memory import Place, ReplacedMemory
from tests.drivers.poor import PoorDb, PoorStore


class MovedPoorDb(PoorDb):
    """Uses the store that is in a place now."""

    def __init__(self, place: Place[PoorStore]) -> None:
        super().__init__(place.store)
        self._place = place

    def _open(self) -> PoorStore:
        super()._open()
        return self._place.store


def replaced_poor(folder: Path) -> Replaceable:
    """Return stores that do not tell of changes."""
    return ReplacedMemory(_poor, _copied_poor, MovedPoorDb)


def _poor() -> PoorStore:
    store = PoorStore()
    # A store that is made later must have newer revisions.
    store.revision = time.time_ns()
    return store


def _copied_poor(store: PoorStore) -> PoorStore:
    copied = PoorStore()
    with store.lock:
        copied.tables = {table: dict(entries) for table, entries in store.tables.items()}
        copied.revision = store.revision
    return copied
