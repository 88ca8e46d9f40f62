"""What can be done to a backend on purpose. A harness tells which of these it can."""

from __future__ import annotations

from enum import Enum


class Fault(str, Enum):
    """What strikes calls; the lines on which messages and changes arrive; the store itself; the process that serves it."""

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
    CUT_INSIDE = "cut inside"
    """The line breaks when the first part of the request has arrived."""
    HALF_CLOSED = "half closed"
    """The server ends its side of the line, properly, in place of doing the request."""
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
    SLICED = "sliced"
    """Everything arrives one byte at a time, calls and their answers, too."""

    WIPED = "wiped"
    """An empty store is put in the place of the one that handles are open on."""
    OLDER = "older"
    """A copy that was made before is."""
    OTHER = "other"
    """A store that was never a copy of it is, whose revisions are newer."""

    KILLED = "killed"
    """The server is killed, and started again."""
    STOPPED = "stopped"
    """The server stands still, with all connections open, and goes on."""
    FAILED_OVER = "failed over"
    """Another process of the server takes over from the one that serves, and nobody was asked."""


CALLS = frozenset(list(Fault)[:12])
STORES = frozenset({Fault.WIPED, Fault.OLDER, Fault.OTHER})
PROCESSES = frozenset({Fault.KILLED, Fault.STOPPED, Fault.FAILED_OVER})
LINES = frozenset(Fault) - CALLS - STORES - PROCESSES

SIMULATED = (CALLS | LINES) - {Fault.CUT_INSIDE, Fault.HALF_CLOSED, Fault.SLICED}
"""What can be put around a driver without a network."""

NETWORK = frozenset(
    {Fault.REFUSED, Fault.CUT, Fault.LOST_REPLY, Fault.LATE, Fault.FROZEN, Fault.DELAYED, Fault.CUT_INSIDE, Fault.HALF_CLOSED}
)
"""What a network does to calls."""
