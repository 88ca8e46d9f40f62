"""What the exceptions of redis-py, and our own, mean."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from redis import exceptions as redis

from dfbackends.errors import Divided, ErrorTable, Meaning, OutcomeUnknown, Refused, Unavailable


class NotConnected(Exception):
    """No line to the server could be opened, and so nothing was sent; the cause tells why."""


class LoginRefused(NotConnected):
    """The server did not take the user or the password."""


class NotTrusted(NotConnected):
    """Client and server did not agree on TLS: a certificate, a name, a version, or one of them speaks without."""


class LineForbidden(NotConnected):
    """The server lets nobody in from here, or not for what a line needs."""


class ServerBusy(NotConnected):
    """The server has too many clients, or still loads its data."""


class HandleClosed(Exception):
    """The object was closed before, or while, it was called."""


class Crowded(Exception):
    """Other threads of this process kept all lines to the server for longer than the time-out."""


class NoMaster(Exception):
    """Nobody who was asked knows a server that takes writes."""


class Demoted(NoMaster):
    """The server that is named as the master says that it is a replica."""


class PartlyDone(Exception):
    """A part of the messages was sent, another one was not; the cause tells why."""


class NotReplicated(Exception):
    """The master has done it, and too few replicas have confirmed it in time."""


class LineLost(Exception):
    """A line on which messages arrive can not be relied on any more."""


def not_connected(error: Exception) -> NotConnected:
    """Return what to raise ``from`` the reason why a line could not be opened."""
    text = str(error)
    kind: type[NotConnected] = NotConnected
    # A refused login is a ConnectionError to redis-py, as is a server that loads.
    if isinstance(error, redis.AuthenticationError | redis.AuthorizationError) or text.startswith(("NOAUTH", "WRONGPASS")):
        kind = LoginRefused
    elif isinstance(error, redis.NoPermissionError) or text.startswith(("DENIED", "NOPERM")):
        kind = LineForbidden
    elif isinstance(error, redis.BusyLoadingError) or "max number of clients" in text or text.startswith("BUSY"):
        kind = ServerBusy
    elif any(isinstance(cause, ssl.SSLError) for cause in _causes(error)):
        kind = NotTrusted
    return kind(type(error).__name__)


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _says(*words: str) -> Callable[[Exception], bool]:
    """Match an answer by its code, which stands in the middle of the text where an older server ran a script."""
    return lambda error: any(word in str(error) for word in words)


_OURS: list[Meaning] = [
    Meaning(LoginRefused, None, Refused, "unauthenticated"),
    Meaning(NotTrusted, None, Refused, "unauthenticated"),
    Meaning(LineForbidden, None, Refused, "forbidden"),
    Meaning(ServerBusy, None, Unavailable, "overloaded"),
    Meaning(NotConnected, None, Unavailable, "unreachable"),
    Meaning(HandleClosed, None, Unavailable, "unreachable"),
    Meaning(Crowded, None, Unavailable, "overloaded"),
    Meaning(Demoted, None, Unavailable, "read_only"),
    Meaning(NoMaster, None, Unavailable, "unreachable"),
    Meaning(LineLost, None, Unavailable, "unreachable"),
    Meaning(NotReplicated, None, OutcomeUnknown, "not_replicated"),
    Meaning(PartlyDone, None, OutcomeUnknown, "unreachable"),
    # Of what asks for no outcomes: a table that is dropped.
    Meaning(Divided, None, OutcomeUnknown, "unreachable"),
]

_ANSWERS: list[Meaning] = [
    Meaning(redis.AuthenticationError, None, Refused, "unauthenticated"),
    Meaning(redis.AuthorizationError, None, Refused, "unauthenticated"),
    Meaning(redis.NoPermissionError, None, Refused, "forbidden"),
    Meaning(redis.BusyLoadingError, None, Unavailable, "overloaded"),
    Meaning(redis.OutOfMemoryError, None, Refused, "full"),
    # A master that has become a replica; its successor is found, or it becomes one again.
    Meaning(redis.ReadOnlyError, None, Unavailable, "read_only"),
    Meaning(redis.MasterDownError, None, Unavailable, "unreachable"),
    Meaning(redis.ResponseError, _says("DENIED"), Refused, "forbidden"),
    Meaning(redis.ResponseError, _says("READONLY"), Unavailable, "read_only"),
    Meaning(redis.ResponseError, _says("OOM command", "MISCONF"), Refused, "full"),
    Meaning(redis.ResponseError, _says("NOREPLICAS"), Unavailable, "not_replicated"),
    Meaning(redis.ResponseError, _says("MASTERDOWN"), Unavailable, "unreachable"),
    Meaning(redis.ResponseError, _says("BUSY "), Unavailable, "overloaded"),
    # Our scripts check before they write, and notice a forbidden channel before anything else is done.
    Meaning(redis.ResponseError, _says("NOPERM", "ACL failure", "The user executing the script"), Refused, "forbidden"),
]

_ANYTHING_ELSE: list[Meaning] = [
    Meaning(redis.ConnectionError, _says("max number of clients"), Unavailable, "overloaded"),
    Meaning(redis.ConnectionError, None, OutcomeUnknown, "unreachable"),
    Meaning(redis.TimeoutError, None, OutcomeUnknown, "unreachable"),
    # A script does not undo what it had done when it failed.
    Meaning(redis.RedisError, None, OutcomeUnknown, "protocol"),
]

ERRORS: ErrorTable = [
    *_OURS,
    *_ANSWERS,
    # A single server that says so is one of a cluster, which nothing but another configuration changes.
    Meaning(redis.AskError, None, Refused, "protocol"),
    Meaning(redis.ClusterError, None, Refused, "protocol"),
    *_ANYTHING_ELSE,
]
"""For a single server, and for the master that Sentinel names."""

CLUSTER_ERRORS: ErrorTable = [
    *_OURS,
    # Redirections beyond what one call follows: slots are on the move.
    Meaning(redis.AskError, None, Unavailable, "unreachable"),
    Meaning(redis.TryAgainError, None, Unavailable, "overloaded"),
    *_ANSWERS,
    Meaning(redis.ClusterDownError, None, Unavailable, "unreachable"),
    Meaning(redis.ClusterCrossSlotError, None, Refused, "protocol"),
    Meaning(redis.ResponseError, _says("cluster support disabled"), Refused, "protocol"),
    *_ANYTHING_ELSE,
    # Not a RedisError.
    Meaning(redis.RedisClusterException, None, Unavailable, "unreachable"),
]
"""For a cluster."""


def is_read_only(error: Exception) -> bool:
    """Return whether the server has answered that it is a replica."""
    return isinstance(error, redis.ReadOnlyError) or (isinstance(error, redis.ResponseError) and "READONLY" in str(error))
