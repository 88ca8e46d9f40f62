"""A store and its notifications for control planes, by pluggable backends: never silently wrong."""

from dfbackends.backend import Backend, assemble, open
from dfbackends.codec import JSON
from dfbackends.database import Database
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
from dfbackends.pubsub import PubSub
from dfbackends.subscription import Subscription, renew

__all__ = [
    "JSON",
    "Backend",
    "BackendError",
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
    "OutcomeUnknown",
    "PartlyDone",
    "PubSub",
    "Reason",
    "Refused",
    "RollbackFailed",
    "Subscription",
    "TooLarge",
    "Unavailable",
    "assemble",
    "open",
    "renew",
]
