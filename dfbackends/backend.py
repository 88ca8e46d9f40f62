"""An open backend: its tables, and its messages."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from dfbackends.api import DbApi, Key, PubSubApi, Table
from dfbackends.catalog import Catalog
from dfbackends.database import Database
from dfbackends.errors import Unavailable, undone, wrapped
from dfbackends.health import PREFIX, Health, mirror_health, running_threads
from dfbackends.mirror import Mirror, OnChange, OnState
from dfbackends.mirrors import Mirrors
from dfbackends.names import Namespace
from dfbackends.pubsub import PubSub
from dfbackends.reliable import Reliable
from dfbackends.retry import Patience
from dfbackends.writer import Writer

if TYPE_CHECKING:
    from oslo_config import cfg

    from dfbackends.config import Choice, Settings

_LOG = logging.getLogger(__name__)

# What a deadline leaves beside a failover for the call itself.
_MARGIN = 2.0

# How long closing may take, in seconds.
_LONGEST = 5.0


class Backend:
    """A store and what carries messages, opened by :func:`open`. Closed by ``close``, or at the end of a ``with`` block."""

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

        ``on_change`` is called with each :class:`Changed`, ``on_state`` with the mirror when ``synced`` has changed, by a
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
        try:
            self._mirrors.close()
            self.pubsub.close()
            self._store.close()
            for driver in self._drivers:
                _close(driver)
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


def open(target: str | cfg.ConfigOpts, *, wait: float = 0.0) -> Backend:  # noqa: A001 - it is dfbackends.open.
    """Open the backend that a URL or the group ``dfbackends`` of an oslo.config configuration names.

    The store has answered when this returns. ``wait`` is for how many seconds it is asked again where it is away.

    :raises ConfigurationError: the backend or an option is unknown, broken or not legal; the text says what to do
    :raises Unavailable: the store did not answer
    :raises Refused: the store said no
    """
    # Loading these takes longer than all the rest, and not every process that imports dfbackends opens a backend.
    from dfbackends.config import from_conf, from_url
    from dfbackends.url import parse

    settings = from_url(parse(target)) if isinstance(target, str) else from_conf(target)
    backend = _opened(settings)
    try:
        backend.ready(wait)
    except BaseException:
        backend.close()
        raise
    return backend


def assemble(
    db: DbApi,
    pubsub: PubSubApi | None = None,
    *,
    namespace: str = "",
    retries: int = 3,
    deadline: float = 10.0,
    threads: int = 1,
    atomic: bool = False,
) -> Backend:
    """Return a backend of drivers that are open already, as a test of a driver wants it.

    Without ``pubsub`` messages are kept in the store and polled for. ``atomic`` says that ``pubsub`` delivers what the store
    publishes within a commit.
    """
    patience = Patience(retries, deadline)
    carrier = pubsub if pubsub is not None else _log(db, namespace)
    return Backend(type(db).__name__, db, carrier, namespace=namespace, patience=patience, threads=threads, atomic=atomic)


def _opened(settings: Settings) -> Backend:
    Namespace(settings.namespace)  # One that is not legal is refused before anything is opened.
    deadline = settings.patience.deadline
    db: DbApi = _driver(settings.db, deadline)
    if deadline < db.failover + _MARGIN and db.failover:
        _LOG.warning(
            "a deadline of %g s ends calls before %s has replaced a dead server, which takes %g s: set deadline to %g or more",
            deadline, settings.db.name, db.failover, db.failover + _MARGIN,
        )  # fmt: skip
    try:
        pubsub: PubSubApi = _driver(settings.pubsub, deadline) if settings.pubsub else _log(db, settings.namespace)
    except BaseException:
        db.close()
        raise
    return Backend(
        settings.db.name,
        db,
        pubsub,
        namespace=settings.namespace,
        patience=settings.patience,
        threads=settings.threads,
        atomic=settings.shared,
    )


def _driver(choice: Choice, deadline: float) -> Any:
    try:
        return choice.driver.open(choice.values, deadline)
    except Exception as error:
        raise undone(wrapped(error, choice.driver.provides.errors, f"opening {choice.name!r}")) from error


def _close(driver: DbApi | PubSubApi) -> None:
    try:
        driver.close()
    except Exception as error:  # noqa: BLE001 - whatever a client raises, the other driver is closed, too.
        _LOG.warning("closing %s failed: %s", type(driver).__name__, type(error).__name__)


def _log(db: DbApi, namespace: str) -> PubSubApi:
    from dfbackends.drivers.log import LogPubSub

    name = Namespace(namespace).internal("log")
    return LogPubSub(db, Table(name, name))


def _after_fork() -> None:
    # Neither closes nor locks anything: connections are the parent's, and its threads may have held any lock.
    for backend in list(_OPEN):
        backend.abandon()


_OPEN: weakref.WeakSet[Backend] = weakref.WeakSet()
os.register_at_fork(after_in_child=_after_fork)
