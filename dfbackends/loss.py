"""What a subscriber is told when messages may be missing."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from dfbackends.errors import Code


class Reason(Enum):
    """Why messages may be missing, or that they no longer are."""

    DOWN = "down"
    """The line from the backend broke, for the reason that ``code`` gives. RESUMED or RECOVERED follows when it works again."""
    RESUMED = "resumed"
    """The line works again and goes on where it broke: nothing was lost, the subscription stands."""
    RECOVERED = "recovered"
    """The line works again, but the subscription was cleared: ``renew`` it and reload what depends on it."""
    GAP = "gap"
    """Messages were lost on the way, just before the next one; the subscription stands."""
    OVERFLOW = "overflow"
    """The handler was too slow, and messages were dropped just before the next one; the subscription stands."""


class Loss(NamedTuple):
    """A notice that stands among the messages exactly where they may be missing.

    ``missed`` is how many are missing, None where nobody can know.
    """

    reason: Reason
    topic: str
    missed: int | None = None
    code: Code | None = None
