"""What can go wrong, and what the exception of a client means.

Every error of dfbackends is an :class:`Error`. Each one pickles, and none has a key, a value or a password in its text or
``repr``, since applications log errors; keys are attributes. The exception of a client, ``__cause__``, may hold any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

Code = Literal[
    "unreachable",
    "unauthenticated",
    "forbidden",
    "full",
    "read_only",
    "overloaded",
    "not_replicated",
    "protocol",
]
"""Why a backend did not do what it was asked."""


class Error(Exception):
    """The base of all errors of dfbackends."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Subclasses take keyword arguments, which the default way of pickling an exception loses.
        return _restore, (type(self), self.args, self.__dict__)


def _restore(kind: type[Error], args: tuple[Any, ...], attributes: dict[str, Any]) -> Error:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class ConfigurationError(Error):
    """The configuration names something that does not exist or can not be used; raised while a backend is opened only."""


class InvalidName(Error, ValueError):
    """A table, key, topic or namespace that is not legal; nothing was sent."""


class InvalidValue(Error, ValueError):
    """A value that is not JSON or breaks the schema of its table; nothing was sent."""


class TooLarge(InvalidValue):
    """A value, message or transaction over the limit of the backend; nothing was sent."""


class EntryError(Error):
    """The base of the errors that tell of one entry, ``table`` and ``key``."""

    problem = "is not as expected"

    def __init__(self, table: str, key: str) -> None:
        super().__init__(f"{table}: the key {self.problem}")
        self.table = table
        self.key = key


class KeyNotFound(EntryError, LookupError):
    """The key is not in the table; nothing was changed."""

    problem = "does not exist"


class KeyExists(EntryError):
    """The key is in the table already; nothing was changed."""

    problem = "exists already"


class Conflict(Error):
    """Somebody else changed what the caller relied on; nothing was changed by this call.

    ``table`` and ``key`` name the entry, where it is about a single one.
    """

    def __init__(self, message: str, *, table: str | None = None, key: str | None = None) -> None:
        super().__init__(message)
        self.table = table
        self.key = key


class Closed(Error):
    """The backend was closed, or belongs to the parent of this process."""

    def __init__(self, message: str = "the backend is closed") -> None:
        super().__init__(message)


class BackendError(Error):
    """The backend failed: ``code`` tells why, ``__cause__`` is the exception of its client."""

    def __init__(self, message: str, *, code: Code) -> None:
        super().__init__(message)
        self.code: Code = code


class Unavailable(BackendError):
    """The call was not done, and never will be; repeating it is safe."""


class Refused(BackendError):
    """The backend understood and said no; nothing was done, and repeating it as it is does not help."""


class Operation(NamedTuple):
    """A call that writes, as it can be asked for later: its id, the (table, key) pairs, and when it began (time.monotonic)."""

    id: str
    keys: tuple[tuple[str, str], ...]
    began: float


class OutcomeUnknown(BackendError):
    """The call may have been done; ``Database.resolve`` asks later."""

    def __init__(self, message: str, *, code: Code, operation: Operation | None = None) -> None:
        super().__init__(message, code=code)
        self.operation = operation


class RollbackFailed(BackendError):
    """A batch failed, and so did undoing it: ``keys`` are the (table, key) pairs that may not be as they were before."""

    def __init__(self, message: str, *, code: Code, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__(message, code=code)
        self.keys: tuple[tuple[str, str], ...] = tuple(keys)


class PartlyDone(Error):
    """Some items of independent writes failed: ``failed`` maps their keys to errors, ``done`` the others to revisions."""

    def __init__(self, message: str, *, done: dict[str, int], failed: dict[str, Error]) -> None:
        super().__init__(message)
        self.done = done
        self.failed = failed


class Divided(Exception):
    """Raised by a driver: the writes of one call, or the questions about them, went several ways, and some failed.

    ``answers`` has for each what the call would have returned, or the exception of the client, which the table of errors
    explains. What failed as a whole raises that exception itself.
    """

    def __init__(self, answers: Sequence[Any]) -> None:
        super().__init__(f"{sum(isinstance(answer, Exception) for answer in answers)} of {len(answers)} failed")
        self.answers = answers


class Meaning(NamedTuple):
    """One row of a driver's table of errors.

    ``match`` is a part of the exception's text, a predicate, or None for every exception of the type. ``kind`` is
    Unavailable (was not done, repeat), Refused (was not done, do not repeat) or OutcomeUnknown (may have been done).
    """

    exception: type[BaseException]
    match: str | Callable[[Any], bool] | None
    kind: type[Unavailable | Refused | OutcomeUnknown]
    code: Code


ErrorTable = Sequence[Meaning]
"""Rows in order of precedence: the first that matches tells what an exception means."""

_ANYTHING_ELSE = Meaning(Exception, None, OutcomeUnknown, "protocol")


def understand(error: Exception, table: ErrorTable) -> Meaning:
    """Return the row that matches; an exception that no row knows may have come after the work was done."""
    for row in table:
        if isinstance(error, row.exception) and _matches(error, row.match):
            return row
    return _ANYTHING_ELSE


def _matches(error: Exception, match: str | Callable[[Any], bool] | None) -> bool:
    if match is None:
        return True
    if isinstance(match, str):
        return match in str(error)
    return match(error)


def wrapped(error: Exception, table: ErrorTable, doing: str) -> Error:
    """Return what to raise ``from`` the exception of a client; an error of ours is returned as it is.

    The text of the exception stays out of ours: clients put values and passwords into theirs.
    """
    if isinstance(error, Error):
        return error
    meaning = understand(error, table)
    return meaning.kind(f"{doing} failed: {meaning.code} ({type(error).__name__})", code=meaning.code)


def unknown(error: Error, operation: Operation | None = None) -> OutcomeUnknown:
    """Return what to raise in place of an error that came when a part of the call may have been done."""
    return OutcomeUnknown(str(error), code=error.code if isinstance(error, BackendError) else "protocol", operation=operation)


def undone(error: Error) -> Error:
    """Return what to raise in place of an error of a call that changes nothing, and so is never in doubt."""
    return Unavailable(str(error), code=error.code) if isinstance(error, OutcomeUnknown) else error
