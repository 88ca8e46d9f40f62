"""What must have happened in a case for it to mean anything."""

from __future__ import annotations


class TooLittle(AssertionError):
    """The figures of a case were too low: it has shown nothing, neither good nor bad."""
