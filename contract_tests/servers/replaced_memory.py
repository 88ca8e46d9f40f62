"""A store in memory in the place of which another one is put."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import dfbackends
from contract_tests.fault import Fault
from contract_tests.replaceable import Replaceable
from dfbackends.api import DbApi
from dfbackends.drivers.memory import MemoryDb, Store

S = TypeVar("S")


class Place(Generic[S]):
    """Where drivers find their store, at each call."""

    def __init__(self, store: S) -> None:
        self.store = store


class ReplacedMemory(Replaceable, Generic[S]):
    """A store in memory; lines that are open go on with the one that was there when they were opened."""

    def __init__(
        self,
        make: Callable[[], S],
        copy: Callable[[S], S],
        driver: Callable[[Place[S]], DbApi],
        assemble: Callable[..., dfbackends.Backend] = dfbackends.assemble,
    ) -> None:
        self._make, self._copy, self._driver, self._assemble = make, copy, driver, assemble
        self._place = Place(make())
        self._others = {Fault.WIPED: make()}

    def open(self, **settings: Any) -> dfbackends.Backend:
        return self._assemble(self._driver(self._place), **settings)

    def keep(self) -> None:
        self._others[Fault.OLDER] = self._copy(self._place.store)

    def other(self) -> dfbackends.Backend:
        other = self._others.setdefault(Fault.OTHER, self._make())
        return self._assemble(self._driver(Place(other)))

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


def made(kind: type[Store] = Store) -> Store:
    """Return an empty store that remembers enough."""
    store = kind()
    store.log_rows, store.done.term = 10_000, 100.0
    return store


def copied(store: Store) -> Store:
    """Return a store that holds what another one does, and counts as the same."""
    copy = made(type(store))
    with store.lock:
        copy.id, copy.last, copy.forgotten = store.id, store.last, store.forgotten
        copy.tables = {table: dict(entries) for table, entries in store.tables.items()}
        copy.topics = {stream: dict(entries) for stream, entries in store.topics.items()}
        copy.heads, copy.log = dict(store.heads), store.log.copy()
    return copy


def replaced_memory(folder: Path) -> Replaceable:
    """Return a store that tells of changes."""
    return ReplacedMemory(made, copied, MovedMemoryDb)
