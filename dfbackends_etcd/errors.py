"""What the answers of etcd to calls that failed, and our own exceptions, mean."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from dfbackends.errors import ErrorTable, Meaning, OutcomeUnknown, Refused, Unavailable


class NotConnected(Exception):
    """No member of the cluster could be reached, and so nothing was sent; the cause tells why."""


class NotTrusted(NotConnected):
    """Client and server did not agree on TLS: a certificate, a name, a version, or one of them speaks without."""


class HandleClosed(Exception):
    """The object was closed before it was called."""


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


class Status(IntEnum):
    """How a call failed, by the numbers of gRPC."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class CallFailed(Exception):
    """A call was answered with an error, or, with ``UNAVAILABLE`` or ``DEADLINE_EXCEEDED`` of our own, not at all."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text

    def __str__(self) -> str:
        name = Status(self.status).name if self.status in set(Status) else self.status
        return f"{name}: {self.text}"


def _says(status: Status, *texts: str) -> Callable[[Any], bool]:
    """Match an answer by its status and a part of its text; by the status alone where there is none."""

    def matches(error: Any) -> bool:
        if not isinstance(error, CallFailed) or error.status != status:
            return False
        return not texts or any(text in error.text for text in texts)

    return matches


is_compacted = _says(Status.OUT_OF_RANGE, "has been compacted")
"""Whether a revision is no longer kept."""

is_full = _says(Status.RESOURCE_EXHAUSTED, "database space exceeded")
"""Whether the quota of the store is used up. Of a write it does not tell whether it was the last one that was done."""

is_forbidden = _says(Status.PERMISSION_DENIED)
"""Whether the user has no right to it."""

is_lease_lost = _says(Status.NOT_FOUND, "requested lease not found")
"""Whether a lease was named that is gone."""

_token_is_invalid = _says(Status.UNAUTHENTICATED, "invalid auth token")
_token_is_missing_or_old = _says(Status.INVALID_ARGUMENT, "user name is empty", "revision of auth store is old")

has_no_users = _says(Status.FAILED_PRECONDITION, "authentication is not enabled")
"""Whether nobody has to log in."""


def is_token_refused(error: Exception) -> bool:
    """Return whether the server refused to look at a call for want of a valid token."""
    return _token_is_invalid(error) or _token_is_missing_or_old(error)


def is_silent(error: Exception) -> bool:
    """Return whether a call ended without an answer, or with that of a member that does not reach the others in time."""
    return isinstance(error, CallFailed) and error.status in _SILENT


_SILENT = (Status.UNAVAILABLE, Status.DEADLINE_EXCEEDED, Status.CANCELLED, Status.UNKNOWN)


def _answer(
    status: Status, texts: tuple[str, ...], kind: type[Unavailable | Refused | OutcomeUnknown], meaning: Any
) -> Meaning:
    return Meaning(CallFailed, _says(status, *texts), kind, meaning)


ERRORS: ErrorTable = [
    Meaning(NotTrusted, None, Refused, "unauthenticated"),
    Meaning(NotConnected, None, Unavailable, "unreachable"),
    Meaning(HandleClosed, None, Unavailable, "unreachable"),
    Meaning(LeaseLost, None, Unavailable, "overloaded"),
    Meaning(Contended, None, Unavailable, "overloaded"),
    Meaning(LineLost, None, Unavailable, "unreachable"),
    Meaning(NotTried, None, Unavailable, "unreachable"),
    Meaning(PartlyDone, None, OutcomeUnknown, "unreachable"),
    # Who is not let in is told so before anything is looked at.
    _answer(Status.UNAUTHENTICATED, (), Refused, "unauthenticated"),
    Meaning(CallFailed, _token_is_missing_or_old, Refused, "unauthenticated"),
    _answer(Status.INVALID_ARGUMENT, ("invalid user ID or password",), Refused, "unauthenticated"),
    _answer(Status.PERMISSION_DENIED, (), Refused, "forbidden"),
    _answer(Status.RESOURCE_EXHAUSTED, ("database space exceeded",), Refused, "full"),
    _answer(Status.RESOURCE_EXHAUSTED, ("too many requests",), Unavailable, "overloaded"),
    _answer(Status.RESOURCE_EXHAUSTED, (), Refused, "protocol"),
    # What is too large, too much, or names a key twice. The server looks at it before it does anything.
    _answer(Status.INVALID_ARGUMENT, (), Refused, "protocol"),
    _answer(Status.NOT_FOUND, ("lease not found",), Unavailable, "overloaded"),
    _answer(Status.OUT_OF_RANGE, (), Refused, "protocol"),
    _answer(Status.UNIMPLEMENTED, (), Refused, "protocol"),
    _answer(Status.UNAVAILABLE, ("no leader", "not capable"), Unavailable, "unreachable"),
    _answer(Status.DATA_LOSS, (), Refused, "protocol"),
    # Sent, and not answered, or not by who knows: it may have been done, now or later.
    _answer(Status.UNAVAILABLE, (), OutcomeUnknown, "unreachable"),
    _answer(Status.DEADLINE_EXCEEDED, (), OutcomeUnknown, "unreachable"),
    _answer(Status.CANCELLED, (), OutcomeUnknown, "unreachable"),
    _answer(Status.UNKNOWN, ("deadline exceeded", "canceled"), OutcomeUnknown, "unreachable"),
    Meaning(CallFailed, None, OutcomeUnknown, "protocol"),
]
