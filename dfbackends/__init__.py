"""A store and its notifications for control planes, by pluggable backends: never silently wrong."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dfbackends.backend import Backend
    from dfbackends.codec import JSON
    from dfbackends.database import Database
    from dfbackends.definition import TableDefinition
    from dfbackends.entry import Entry, Item
    from dfbackends.errors import (
        BackendError,
        Closed,
        ConfigurationError,
        Conflict,
        Error,
        InvalidName,
        InvalidValue,
        KeyExists,
        KeyNotFound,
        OutcomeUnknown,
        PartlyDone,
        Refused,
        RollbackFailed,
        TooLarge,
        Unavailable,
    )
    from dfbackends.health import Health
    from dfbackends.loss import Loss, Reason
    from dfbackends.mirror import Changed, Mirror
    from dfbackends.opening import assemble, open  # noqa: A004 - it is meant to be read as dfbackends.open.
    from dfbackends.pubsub import PubSub
    from dfbackends.subscription import Subscription, renew

__all__ = [
    "JSON",
    "Backend",
    "BackendError",
    "Changed",
    "Closed",
    "ConfigurationError",
    "Conflict",
    "Database",
    "Entry",
    "Error",
    "Health",
    "InvalidName",
    "InvalidValue",
    "Item",
    "KeyExists",
    "KeyNotFound",
    "Loss",
    "Mirror",
    "OutcomeUnknown",
    "PartlyDone",
    "PubSub",
    "Reason",
    "Refused",
    "RollbackFailed",
    "Subscription",
    "TableDefinition",
    "TooLarge",
    "Unavailable",
    "assemble",
    "open",
    "renew",
]

_HOMES = {
    "backend": "Backend",
    "codec": "JSON",
    "database": "Database",
    "definition": "TableDefinition",
    "entry": "Entry Item",
    "health": "Health",
    "loss": "Loss Reason",
    "mirror": "Changed Mirror",
    "opening": "assemble open",
    "pubsub": "PubSub",
    "subscription": "Subscription renew",
}

if not TYPE_CHECKING:  # A type checker would let any name pass.

    def __getattr__(name: str) -> object:
        # Loading all takes several times as long as starting Python, and not each process that imports this opens a backend.
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        home = next((module for module, names in _HOMES.items() if name in names.split()), "errors")
        value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
