"""An open backend: its tables, and its messages."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Iterable, Sequence
from types import TracebackType

from dfbackends.api import DbApi, Finding, Inspecting, Key, PubSubApi, Table, Write
from dfbackends.catalog import Catalog
from dfbackends.database import Database
from dfbackends.errors import Unavailable, understand
from dfbackends.health import PREFIX, Health, line_health, mirror_health, running
from dfbackends.mirror import Mirror, OnChange, OnState
from dfbackends.mirrors import Mirrors
from dfbackends.names import Namespace
from dfbackends.pace import USUAL, Pace
from dfbackends.probe import Probe
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
        self,
        name: str,
        db: DbApi,
        pubsub: PubSubApi,
        *,
        namespace: str,
        patience: Patience,
        threads: int,
        atomic: bool,
        pace: Pace = USUAL,
    ) -> None:
        """Take drivers that are open; ``atomic`` where the store can publish within a commit what ``pubsub`` then delivers."""
        self.name = name
        space = Namespace(namespace)
        self._drivers = (pubsub, db)
        # What carries messages for the store it is in has the same servers.
        self._inspected: tuple[DbApi | PubSubApi, ...] = (db,) if atomic else (db, pubsub)
        self._store = store = Reliable(db, namespace=space, patience=patience, pace=pace)
        # In a table of its own, which no listing shows and no mirror follows: one entry, that is always the same.
        home = Table(space.internal("health"), space.internal("health"))
        self._touched = Key(home, "health")
        write = Write(self._touched, b"1")
        self._reading = Probe(f"{PREFIX}reading", lambda: db.read([self._touched]), db.errors)
        self._writing = Probe(f"{PREFIX}writing", lambda: db.write([write], store.new_op()), db.errors)
        self.pubsub: PubSub = PubSub(pubsub, namespace=space, patience=patience, threads=threads, pace=pace)
        catalog = Catalog(self._store, space)
        writer = Writer(self._store, space, self.pubsub, atomic=atomic)
        self.db: Database = Database(self._store, catalog, space, writer)
        self._mirrors = Mirrors(self._store, catalog, pace=pace)
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
                self._store.read((self._touched,))
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
        """Return how the backend is now, within a second, whatever state it is in.

        The store is asked to read, and to write, an entry of the library's own, which costs it two calls. A question that is
        not answered in time stays the only one of its kind: who calls again is told the answer once there is one.

        :raises Closed: the backend is closed
        """
        self._store.check_open()
        line, mirrors = self._mirrors.line, self._mirrors.listed()
        threads = [*self.pubsub.threads, *self._mirrors.threads, self._store.resolver.thread]
        threads += [self._reading.thread, self._writing.thread]
        found = running(threads)
        reading, writing = self._reading.ask(), self._writing.ask()
        health = Health(
            self.name,
            read=(read := reading.code("unreachable")),
            write=writing.code("overloaded" if read is None else "unreachable"),
            unresolved=self._store.resolver.unresolved,
            pubsub=self.pubsub.health(),
            changes=line_health(line) if line is not None else None,
            mirrors=tuple(map(mirror_health, mirrors)),
            threads=found,
        )
        self._store.check_open()  # Else what is told may be no more than that it was closed meanwhile.
        return health

    def findings(self) -> list[Finding]:
        """Return what is wrong with the settings of the servers, as far as the backend can look at them; never raises.

        It takes a round trip to each of them.
        """
        found: list[Finding] = []
        for driver in self._inspected:
            if isinstance(driver, Inspecting):
                try:
                    found += driver.inspect()
                except Exception as error:  # noqa: BLE001 - to look is no more than a service.
                    code = understand(error, driver.errors).code
                    found.append(Finding(f"the settings of the servers could not be looked at: {code}"))
        return found

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
            for probe in (self._reading, self._writing):
                probe.close(began + _SHARES[2])
            _close(self._drivers, began + _SHARES[2])
            self.pubsub.part(began + _SHARES[2])
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
