"""An open backend: its tables, and its messages."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Iterable, Sequence
from types import TracebackType

from dfbackends.api import DbApi, Key, PubSubApi, Table
from dfbackends.catalog import Catalog
from dfbackends.database import Database
from dfbackends.errors import Unavailable
from dfbackends.health import PREFIX, Health, mirror_health, running_threads
from dfbackends.mirror import Mirror, OnChange, OnState
from dfbackends.mirrors import Mirrors
from dfbackends.names import Namespace
from dfbackends.pubsub import PubSub
from dfbackends.reliable import Reliable
from dfbackends.retry import Patience
from dfbackends.writer import Writer

_LOG = logging.getLogger(__name__)

# How long closing may take, in seconds, and when its parts have to be over: mirrors, messages, the store.
_LONGEST = 5.0
_SHARES = (1.5, 4.2, 4.8)


class Backend:
    """A store and what carries messages, opened by :func:`dfbackends.open`; closed by ``close``, or by a ``with`` block."""

    def __init__(
        self, name: str, db: DbApi, pubsub: PubSubApi, *, namespace: str, patience: Patience, threads: int, atomic: bool
    ) -> None:
        """Take drivers that are open; ``atomic`` where the store can publish within a commit what ``pubsub`` then delivers."""
        self.name = name
        space = Namespace(namespace)
        self._drivers = (pubsub, db)
        self._store = Reliable(db, namespace=space, patience=patience)
        self._probe = Key(Table(space.internal("tables"), space.internal("tables")), "tables")
        self.pubsub: PubSub = PubSub(pubsub, namespace=space, patience=patience, threads=threads)
        catalog = Catalog(self._store, space)
        writer = Writer(self._store, space, self.pubsub, atomic=atomic)
        self.db: Database = Database(self._store, catalog, space, writer)
        self._mirrors = Mirrors(self._store, catalog)
        # Guards _closed: the first caller closes, the others wait until it has.
        self._lock = threading.Lock()
        self._closed = False
        self._ended = threading.Event()
        _OPEN.add(self)

    def __repr__(self) -> str:
        return f"<Backend {self.name!r}{' closed' if self._closed else ''}>"

    def ready(self, wait: float = 0.0) -> None:
        """Return when the store has answered; keep asking for ``wait`` seconds.

        :raises Unavailable: it did not
        :raises Refused: it said no, which asking again does not change
        """
        until = time.monotonic() + wait
        while True:
            try:
                self._store.read((self._probe,))
                return
            except Unavailable:
                remaining = until - time.monotonic()
                if remaining <= 0 or self._store.wait(min(remaining, 0.5)):
                    raise

    def mirror(
        self,
        table: str,
        *,
        topics: Iterable[str] | None = None,
        on_change: OnChange | None = None,
        on_state: OnState | None = None,
        check_interval: float = 5.0,
    ) -> Mirror:
        """Return a copy of a table, or of some topics in it, that follows the store; it has begun to copy.

        ``on_change`` is called with each :class:`Changed`, ``on_state`` with the mirror and what ``synced`` has become, by a
        thread of the mirror. Every ``check_interval`` seconds it is compared with the store, or read again where the store
        does not tell of changes.

        :raises InvalidName: the table, or a topic, is not legal
        :raises Closed: the backend is closed
        """
        return self._mirrors.open(table, topics=topics, on_change=on_change, on_state=on_state, check_interval=check_interval)

    def health(self) -> Health:
        """Return how the backend is now. The store is asked once, for as long as one call takes.

        :raises Closed: the backend is closed
        """
        store = self._store.ask(self._probe)
        mirrors = tuple(mirror_health(mirror) for mirror in self._mirrors.listed())
        return Health(self.name, store, self._store.resolver.unresolved, self.pubsub.health(), mirrors, running_threads())

    def close(self) -> None:
        """Give up the line, the threads and the connections; takes at most 5 s. Idempotent, from any thread, handlers too."""
        if self._store.abandoned:
            return
        with self._lock:
            first, self._closed = not self._closed, True
        if not first:
            # A handler must not wait for the one who waits for the handler.
            if not threading.current_thread().name.startswith(PREFIX):
                self._ended.wait(_LONGEST)
            return
        began = time.monotonic()
        try:
            self._mirrors.close(began + _SHARES[0])
            self.pubsub.close(began + _SHARES[1] - time.monotonic())
            self._store.close(began + _SHARES[2])
            _close(self._drivers, began + _SHARES[2])
        finally:
            self._ended.set()

    def __enter__(self) -> Backend:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def abandon(self) -> None:
        """Refuse everything from now on, and touch nothing: what a fork does to the backends of its parent."""
        self._store.abandon()
        self.pubsub.abandon()


def _close(drivers: Sequence[DbApi | PubSubApi], until: float) -> None:
    """Close drivers by a thread of its own, since one may wait for a server that is frozen."""

    def close() -> None:
        for driver in drivers:
            try:
                driver.close()
            except Exception as error:  # noqa: BLE001 - whatever a client raises, the other driver is closed, too.
                _LOG.warning("closing %s failed: %s", type(driver).__name__, type(error).__name__)

    closer = threading.Thread(target=close, name=f"{PREFIX}closing", daemon=True)
    closer.start()
    closer.join(max(0.0, until - time.monotonic()))
    if closer.is_alive():
        _LOG.warning("the connections have not closed in time; closing goes on behind")


def _after_fork() -> None:
    # Neither closes nor locks anything: connections are the parent's, and its threads may have held any lock.
    for backend in list(_OPEN):
        backend.abandon()


_OPEN: weakref.WeakSet[Backend] = weakref.WeakSet()
os.register_at_fork(after_in_child=_after_fork)
