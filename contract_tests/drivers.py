"""The drivers of a handle, opened as an application's are."""

from __future__ import annotations

from typing import NamedTuple

from dfbackends.api import DbApi, PubSubApi
from dfbackends.config import Settings, from_url
from dfbackends.opening import kept_in, opened_driver
from dfbackends.url import parse


class Drivers(NamedTuple):
    """The two drivers of a handle."""

    db: DbApi
    pubsub: PubSubApi
    settings: Settings

    def close(self) -> None:
        """Close both."""
        self.pubsub.close()
        self.db.close()


def opened(url: str) -> Drivers:
    """Return the drivers that a URL names.

    :raises ConfigurationError: the backend or a parameter is unknown, or a value is not legal
    """
    settings = from_url(parse(url))
    deadline = settings.patience.deadline
    db: DbApi = opened_driver(settings.db, deadline)
    pubsub: PubSubApi = opened_driver(settings.pubsub, deadline) if settings.pubsub else kept_in(db, settings.namespace)
    return Drivers(db, pubsub, settings)
