"""What can be done to a backend on purpose. A harness tells which of these it can."""

from __future__ import annotations

from enum import Enum


class Fault(str, Enum):
    """The first group strikes calls, the second the lines on which messages and changes arrive, the third the store itself."""

    REFUSED = "refused"
    """Nothing answers: the request is not sent, and the client knows."""
    CUT = "cut"
    """The line breaks after the request was sent, before it arrived."""
    LOST_REPLY = "lost reply"
    """The request is done; the answer is lost."""
    LATE = "late arrival"
    """The client gives up; the request arrives when it is released."""
    FROZEN = "frozen"
    """No answer within the client's time-out; the request arrives when it is released."""
    DELAYED = "delayed"
    """The request is done after something else was."""
    UNAUTHENTICATED = "unauthenticated"
    FULL = "full"
    READ_ONLY = "read only"
    OVERLOADED = "overloaded"

    BROKEN_LINE = "broken line"
    """Lines end at once; new ones can be opened unless the backend is DOWN."""
    DOWN = "down"
    """Lines have ended, and none can be opened until it is mended."""
    GONE = "gone"
    """As a broken line, and the position where it ended is no longer known."""
    DEAF = "deaf"
    """Lines stay open and silent."""
    SLOW = "slow"
    """Everything arrives 300 ms later."""
    DROPPED = "dropped"
    """A message, or a change, is removed on the wire."""
    GARBAGE = "garbage"
    """Bytes that nobody of ours has sent."""
    DENIED = "denied"
    """A subscription is refused."""

    WIPED = "wiped"
    """An empty store is put in the place of the one that handles are open on."""
    OLDER = "older"
    """A copy that was made before is."""
    OTHER = "other"
    """A store that was never a copy of it is, whose revisions are newer."""


CALLS = frozenset(list(Fault)[:10])
STORES = frozenset({Fault.WIPED, Fault.OLDER, Fault.OTHER})
LINES = frozenset(Fault) - CALLS - STORES
