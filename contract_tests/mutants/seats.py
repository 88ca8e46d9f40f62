"""Where the classes of the core have their places in an open backend.

A defect that can only live in the core is a subclass of one of its classes. The object that is there, before it is used, is
made one of that subclass; one that is made later is, when it is made, or first handed to somebody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dfbackends.audience import Audience, _Channel
from dfbackends.backend import Backend
from dfbackends.backlog import Backlog
from dfbackends.batch import Batch
from dfbackends.catalog import Catalog
from dfbackends.changes import Changes
from dfbackends.continuity import Continuity
from dfbackends.database import Database
from dfbackends.delivery import Delivery
from dfbackends.encoder import Encoder
from dfbackends.follower import Follower
from dfbackends.heartbeats import Heartbeats
from dfbackends.identity import Allocator
from dfbackends.line import Line
from dfbackends.mirror import Mirror
from dfbackends.mirrors import Mirrors
from dfbackends.publisher import Publisher
from dfbackends.pubsub import PubSub
from dfbackends.reliable import Reliable
from dfbackends.replica import Replica
from dfbackends.topics import Topics
from dfbackends.transaction import Transaction
from dfbackends.writer import Writer

Found = Callable[[Backend], Iterable[Any]]

SEATS: dict[type, Found] = {
    Backend: lambda backend: [backend],
    Reliable: lambda backend: [backend._store],
    Database: lambda backend: [backend.db],
    Catalog: lambda backend: [backend.db._catalog],
    Encoder: lambda backend: [backend.db._encoder],
    Allocator: lambda backend: [backend.db._allocator],
    Writer: lambda backend: [backend.db._writer],
    PubSub: lambda backend: [backend.pubsub],
    Publisher: lambda backend: [backend.pubsub._publisher],
    Heartbeats: lambda backend: [backend.pubsub._publisher._heartbeats],
    Audience: lambda backend: [backend.pubsub._audience],
    Delivery: lambda backend: [backend.pubsub._delivery],
    Line: lambda backend: [backend.pubsub._line],
    Topics: lambda backend: [backend.pubsub._line._topics],
    Mirrors: lambda backend: [backend._mirrors],
    Changes: lambda backend: [backend._mirrors._changes],
}
"""The objects that an open backend has."""

Made = tuple[Callable[[Backend], Any], str, Callable[[Any, tuple[Any, ...], Any], Iterable[Any]]]

LATER: dict[type, Made] = {
    Batch: (lambda backend: backend.db, "batch", lambda owner, given, made: [made]),
    Transaction: (lambda backend: backend.db, "transaction", lambda owner, given, made: [made]),
    Mirror: (lambda backend: backend, "mirror", lambda owner, given, made: [made]),
    Follower: (lambda backend: backend, "mirror", lambda owner, given, made: [made._follower]),
    Backlog: (lambda backend: backend.pubsub._delivery, "start", lambda owner, given, made: [given[0].backlog]),
}
"""The objects that are made by a method, or are there once it was called: whose method, and which they are."""


def seated(backend: Backend, kind: type[Any]) -> Backend:
    """Return the backend, in which a class of the core has taken the place of the one that it inherits from."""
    for usual, found in SEATS.items():
        if issubclass(kind, usual):
            for part in found(backend):
                part.__class__ = kind
    for usual, (owner, method, chosen) in LATER.items():
        if issubclass(kind, usual):
            _intercept(owner(backend), method, kind, chosen)
    if issubclass(kind, Continuity):
        backend.pubsub._audience.__class__ = type("Seating", (Audience,), {"join": _joining(kind)})
    if issubclass(kind, Replica) and backend._mirrors._changes is not None:
        backend._mirrors._changes.__class__ = type("Seating", (Changes,), {"follow": _following(kind)})
    return backend


def _intercept(owner: Any, method: str, kind: type[Any], chosen: Callable[[Any, tuple[Any, ...], Any], Iterable[Any]]) -> None:
    usual = getattr(type(owner), method)

    def called(self: Any, *given: Any, **named: Any) -> Any:
        made = usual(self, *given, **named)
        for part in chosen(self, given, made):
            part.__class__ = kind
        return made

    owner.__class__ = type("Seating", (type(owner),), {method: called})


def _joining(kind: type[Any]) -> Callable[..., None]:
    def join(self: Audience, hearer: Any, head: str, now: float) -> None:
        # Before the first message comes to it.
        self._channels.setdefault(hearer.name, _Channel()).continuity.__class__ = kind
        Audience.join(self, hearer, head, now)

    return join


def _following(kind: type[Any]) -> Callable[..., None]:
    def follow(self: Changes, stream: Any, replica: Any, until: float) -> None:
        # Before the first change comes to it.
        replica.__class__ = kind
        Changes.follow(self, stream, replica, until)

    return follow
