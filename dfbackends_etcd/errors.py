"""What the exceptions of gRPC, the answers of etcd in them, and our own exceptions mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from dfbackends.errors import ErrorTable, Meaning, OutcomeUnknown, Refused, Unavailable


class NotConnected(Exception):
    """No member of the cluster could be reached, and so nothing was sent; the cause tells why."""


class NotTrusted(NotConnected):
    """Client and server did not agree on TLS: a certificate, a name, a version, or one of them speaks without."""


class HandleClosed(Exception):
    """The object was closed before it was called."""


class Forked(Exception):
    """This process is a fork, in which gRPC can not be used; nothing was sent."""


class LeaseLost(Exception):
    """The lease that what was written should hang on is gone, and so nothing was written; there will be another one."""


class Contended(Exception):
    """Other clients changed the same entries again and again while this write looked at them; it was not done."""


class NotTried(Exception):
    """The write was not sent, since one before it in the same call failed."""


class PartlyDone(Exception):
    """A part of the call was done, another one was not; the cause tells why."""


class LineLost(Exception):
    """A line on which changes or messages arrive can not be relied on any more."""


def details(error: Any) -> str:
    """Return what a server, or gRPC, says of a call that failed."""
    return error.details() or "" if isinstance(error, grpc.Call) else ""


def _says(code: grpc.StatusCode, *texts: str) -> Callable[[Any], bool]:
    """Match an answer by its code and a part of its text; by the code alone where there is none."""

    def matches(error: Any) -> bool:
        if not isinstance(error, grpc.Call) or error.code() is not code:
            return False
        said = details(error)
        return not texts or any(text in said for text in texts)

    return matches


_CODE = grpc.StatusCode

# Newer and older words of gRPC for a connection that was never there; what is sent waits for one.
never_connected = _says(
    _CODE.UNAVAILABLE,
    "failed to connect to all addresses",
    "onnections to all backends failing",
    "DNS resolution failed",
    "errors resolving",
)
"""Whether a call was not sent, since there was no connection."""

is_compacted = _says(_CODE.OUT_OF_RANGE, "has been compacted")
"""Whether a revision is no longer kept."""

is_full = _says(_CODE.RESOURCE_EXHAUSTED, "database space exceeded")
"""Whether the quota of the store is used up. Of a write it does not tell whether it was the last one that was done."""

is_forbidden = _says(_CODE.PERMISSION_DENIED)
"""Whether the user has no right to it."""

is_lease_lost = _says(_CODE.NOT_FOUND, "requested lease not found")
"""Whether a lease was named that is gone."""

_token_is_invalid = _says(_CODE.UNAUTHENTICATED, "invalid auth token")
_token_is_missing_or_old = _says(_CODE.INVALID_ARGUMENT, "user name is empty", "revision of auth store is old")

has_no_users = _says(_CODE.FAILED_PRECONDITION, "authentication is not enabled")
"""Whether nobody has to log in."""


def is_token_refused(error: Exception) -> bool:
    """Return whether the server refused to look at a call for want of a valid token."""
    return _token_is_invalid(error) or _token_is_missing_or_old(error)


def is_silent(error: Exception) -> bool:
    """Return whether a call ended without an answer, or with that of a member that does not reach the others in time."""
    return isinstance(error, grpc.Call) and error.code() in (
        _CODE.UNAVAILABLE,
        _CODE.DEADLINE_EXCEEDED,
        _CODE.CANCELLED,
        _CODE.UNKNOWN,
    )


def _answer(
    code: grpc.StatusCode, texts: tuple[str, ...], kind: type[Unavailable | Refused | OutcomeUnknown], meaning: Any
) -> Meaning:
    return Meaning(grpc.RpcError, _says(code, *texts), kind, meaning)


ERRORS: ErrorTable = [
    Meaning(NotTrusted, None, Refused, "unauthenticated"),
    Meaning(NotConnected, None, Unavailable, "unreachable"),
    Meaning(HandleClosed, None, Unavailable, "unreachable"),
    Meaning(Forked, None, Refused, "protocol"),
    Meaning(LeaseLost, None, Unavailable, "overloaded"),
    Meaning(Contended, None, Unavailable, "overloaded"),
    Meaning(LineLost, None, Unavailable, "unreachable"),
    Meaning(NotTried, None, Unavailable, "unreachable"),
    Meaning(PartlyDone, None, OutcomeUnknown, "unreachable"),
    Meaning(grpc.RpcError, never_connected, Unavailable, "unreachable"),
    # Who is not let in is told so before anything is looked at.
    _answer(_CODE.UNAUTHENTICATED, (), Refused, "unauthenticated"),
    Meaning(grpc.RpcError, _token_is_missing_or_old, Refused, "unauthenticated"),
    _answer(_CODE.INVALID_ARGUMENT, ("invalid user ID or password",), Refused, "unauthenticated"),
    _answer(_CODE.PERMISSION_DENIED, (), Refused, "forbidden"),
    _answer(_CODE.RESOURCE_EXHAUSTED, ("database space exceeded",), Refused, "full"),
    _answer(_CODE.RESOURCE_EXHAUSTED, ("too many requests",), Unavailable, "overloaded"),
    _answer(_CODE.RESOURCE_EXHAUSTED, (), Refused, "protocol"),
    # What is too large, too much, or names a key twice. The server looks at it before it does anything.
    _answer(_CODE.INVALID_ARGUMENT, (), Refused, "protocol"),
    _answer(_CODE.NOT_FOUND, ("lease not found",), Unavailable, "overloaded"),
    _answer(_CODE.OUT_OF_RANGE, (), Refused, "protocol"),
    _answer(_CODE.UNIMPLEMENTED, (), Refused, "protocol"),
    _answer(_CODE.UNAVAILABLE, ("no leader", "not capable"), Unavailable, "unreachable"),
    _answer(_CODE.DATA_LOSS, (), Refused, "protocol"),
    # Sent, and not answered, or not by who knows: it may have been done, now or later.
    _answer(_CODE.UNAVAILABLE, (), OutcomeUnknown, "unreachable"),
    _answer(_CODE.DEADLINE_EXCEEDED, (), OutcomeUnknown, "unreachable"),
    _answer(_CODE.CANCELLED, (), OutcomeUnknown, "unreachable"),
    _answer(_CODE.UNKNOWN, ("deadline exceeded", "canceled"), OutcomeUnknown, "unreachable"),
    Meaning(grpc.FutureCancelledError, None, OutcomeUnknown, "unreachable"),
    Meaning(grpc.RpcError, None, OutcomeUnknown, "protocol"),
]
