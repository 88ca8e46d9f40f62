"""Opening a backend: by a URL, by a configuration, or of drivers that are open already."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from dfbackends.api import DbApi, PubSubApi, Table
from dfbackends.backend import Backend
from dfbackends.errors import undone, wrapped
from dfbackends.names import Namespace
from dfbackends.retry import Patience

if TYPE_CHECKING:
    from oslo_config import cfg

    from dfbackends.config import Choice, Settings

_LOG = logging.getLogger(__name__)

# What a deadline leaves beside a failover for the call itself.
_MARGIN = 2.0


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
        for finding in backend.findings():
            if finding.grave:
                _LOG.warning("%s: %s", backend.name, finding.text)
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
    carrier = pubsub if pubsub is not None else kept_in(db, namespace)
    return Backend(type(db).__name__, db, carrier, namespace=namespace, patience=patience, threads=threads, atomic=atomic)


def _opened(settings: Settings) -> Backend:
    Namespace(settings.namespace)  # One that is not legal is refused before anything is opened.
    deadline = settings.patience.deadline
    db: DbApi = opened_driver(settings.db, deadline)
    if deadline < db.failover + _MARGIN and db.failover:
        _LOG.warning(
            "a deadline of %g s ends calls before %s has replaced a dead server, which takes %g s: set deadline to %g or more",
            deadline, settings.db.name, db.failover, db.failover + _MARGIN,
        )  # fmt: skip
    try:
        pubsub: PubSubApi = opened_driver(settings.pubsub, deadline) if settings.pubsub else kept_in(db, settings.namespace)
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


def opened_driver(choice: Choice, deadline: float) -> Any:
    """Return the driver that was chosen, open; raises errors of ours."""
    try:
        return choice.driver.open(choice.values, deadline)
    except Exception as error:
        raise undone(wrapped(error, choice.driver.provides.errors, f"opening {choice.name!r}")) from error


def kept_in(db: DbApi, namespace: str) -> PubSubApi:
    """Return the carrier of messages that are kept in a store and polled for."""
    from dfbackends.drivers.log import LogPubSub

    name = Namespace(namespace).internal("log")
    return LogPubSub(db, Table(name, name))
