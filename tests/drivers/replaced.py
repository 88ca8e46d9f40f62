"""Stores that are replaced under those who use them: in memory, with and without all capabilities."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import dfbackends
from contract_tests import Fault, Replaceable
from dfbackends.api import DbApi
from dfbackends.drivers.memory import MemoryDb, Store
from tests.drivers.poor import PoorDb, PoorStore

S = TypeVar("S")


class Place(Generic[S]):
    """Where drivers find their store, at each call."""

    def __init__(self, store: S) -> None:
        self.store = store


class ReplacedMemory(Replaceable, Generic[S]):
    """A store in memory; lines that are open go on with the one that was there when they were opened."""

    def __init__(self, make: Callable[[], S], copy: Callable[[S], S], driver: Callable[[Place[S]], DbApi]) -> None:
        self._make, self._copy, self._driver = make, copy, driver
        self._place = Place(make())
        self._others = {Fault.WIPED: make()}

    def open(self, **settings: Any) -> dfbackends.Backend:
        return dfbackends.assemble(self._driver(self._place), **settings)

    def keep(self) -> None:
        self._others[Fault.OLDER] = self._copy(self._place.store)

    def other(self) -> dfbackends.Backend:
        other = self._others.setdefault(Fault.OTHER, self._make())
        return dfbackends.assemble(self._driver(Place(other)))

    def replace(self, how: Fault) -> None:
        self._place.store = self._others[how]


class MovedMemoryDb(MemoryDb):
    """Uses the store that is in a place now."""

    def __init__(self, place: Place[Store]) -> None:
        super().__init__(place.store)
        self._place = place

    @property
    def _store(self) -> Store:
        super()._store  # noqa: B018 - raises once it is closed
        return self._place.store


class MovedPoorDb(PoorDb):
    """Uses the store that is in a place now."""

    def __init__(self, place: Place[PoorStore]) -> None:
        super().__init__(place.store)
        self._place = place

    def _open(self) -> PoorStore:
        super()._open()
        return self._place.store


def replaced_memory(folder: Path) -> Replaceable:
    """Return stores that tell of changes."""
    return ReplacedMemory(_memory, _copied, MovedMemoryDb)


def replaced_poor(folder: Path) -> Replaceable:
    """Return stores that do not."""
    return ReplacedMemory(_poor, _copied_poor, MovedPoorDb)


def _memory() -> Store:
    store = Store()
    store.log_rows, store.done.term = 10_000, 100.0
    return store


def _copied(store: Store) -> Store:
    copied = _memory()
    with store.lock:
        copied.id, copied.last, copied.forgotten = store.id, store.last, store.forgotten
        copied.tables = {table: dict(entries) for table, entries in store.tables.items()}
        copied.topics = {stream: dict(entries) for stream, entries in store.topics.items()}
        copied.heads, copied.log = dict(store.heads), store.log.copy()
    return copied


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
