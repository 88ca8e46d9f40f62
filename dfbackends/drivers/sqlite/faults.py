"""What the exceptions of sqlite3, and our own, mean."""

from __future__ import annotations

import errno
import sqlite3

from dfbackends.errors import ErrorTable, Meaning, OutcomeUnknown, Refused, Unavailable


class HandleClosed(Exception):
    """The object was closed before, or while, it was called."""


class Crowded(Exception):
    """Other threads of this process kept the connection for longer than the time-out."""


class Missing(Exception):
    """The file is not there any more."""


class Replaced(Exception):
    """Another file has taken the place of the one that was open; what was written is lost with that one."""


class Foreign(Exception):
    """What is at the path can not be used as a store."""


ERRORS: ErrorTable = [
    Meaning(HandleClosed, None, Unavailable, "unreachable"),
    Meaning(Crowded, None, Unavailable, "overloaded"),
    Meaning(Missing, None, Unavailable, "unreachable"),
    Meaning(Replaced, None, Unavailable, "unreachable"),
    Meaning(Foreign, None, Refused, "protocol"),
    Meaning(sqlite3.OperationalError, "locked", Unavailable, "overloaded"),
    Meaning(sqlite3.OperationalError, "disk is full", Refused, "full"),
    Meaning(sqlite3.OperationalError, "readonly database", Refused, "read_only"),
    Meaning(sqlite3.OperationalError, "unable to open", Unavailable, "unreachable"),
    # A commit that ended like this may have reached the file; any other failure undid the transaction.
    Meaning(sqlite3.OperationalError, "disk I/O error", OutcomeUnknown, "protocol"),
    Meaning(sqlite3.ProgrammingError, "closed", Unavailable, "unreachable"),
    Meaning(sqlite3.Error, None, Refused, "protocol"),
    Meaning(PermissionError, None, Refused, "forbidden"),
    Meaning(OSError, lambda error: error.errno == errno.EROFS, Refused, "read_only"),
    Meaning(OSError, lambda error: error.errno in (errno.ENOSPC, errno.EDQUOT), Refused, "full"),
    Meaning(OSError, None, Unavailable, "unreachable"),
]
