"""What a backend can do beyond what is required of all."""

from __future__ import annotations

from enum import Enum


class Capability(str, Enum):
    """A harness declares these; a clause may need some of them."""

    TRANSACTIONAL = "transactional"
    """Several writes in one atomic step, and outcomes kept under the id of the operation."""
    JOINT = "joint"
    """The carrier of messages is the database's own, so that a write and its announcement are one step."""
    WATCHING = "watching"
    """The store tells of changes."""
    RESUMING = "resuming"
    """A broken line of messages goes on where it ended."""
    DURABLE = "durable"
    """What was written is there after all handles and their process have ended."""
    REPLICATED = "replicated"
    """What was acknowledged is there after another process of the server has taken over."""
    SHARED = "shared"
    """Several processes can open the same store at once."""
