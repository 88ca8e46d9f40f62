"""What a case leaves for the report, beside having passed or not."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import pytest

from contract_tests.fault import Fault
from contract_tests.plan import Plan
from contract_tests.trace import Trace


class Recovered(NamedTuple):
    """A time that was measured, in seconds: until a fault was told (``detection``), or until all was well after its end."""

    fault: Fault
    what: str
    seconds: float


class Recoveries:
    """Takes the times of a case."""

    def __init__(self) -> None:
        self.measured: list[Recovered] = []

    def detected(self, fault: Fault, seconds: float) -> None:
        """Say how long it took until a fault was told."""
        self.measured.append(Recovered(fault, "detection", seconds))

    def recovered(self, fault: Fault, seconds: float) -> None:
        """Say how long it took until all was well after a fault had ended."""
        self.measured.append(Recovered(fault, "recovery", seconds))


class Notes:
    """What is known of one case while it runs."""

    def __init__(self) -> None:
        self.trace = Trace()
        self.recoveries = Recoveries()
        self.plan: Plan | None = None
        self.limits: dict[str, int] = {}

    def facts(self) -> dict[str, Any]:
        """Return what has been noted, as it can be sent to another process."""
        hits: Counter[Fault] = self.plan.hits if self.plan is not None else Counter()
        return {
            "faults": {fault.value: count for fault, count in hits.items() if count},
            "recoveries": [[fault.value, what, seconds] for fault, what, seconds in self.recoveries.measured],
            "limits": self.limits,
        }


NOTES = pytest.StashKey[Notes]()
"""Where the notes of a test are."""
