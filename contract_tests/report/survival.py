"""The faults of a run: how often each struck, whether the cases passed all the same, and how long the recovery took."""

from __future__ import annotations

from dataclasses import dataclass

from contract_tests.fault import Fault
from contract_tests.report.conformance import Conformance, Outcome, Spread


@dataclass(frozen=True)
class Survival:
    """One fault."""

    fault: Fault
    injected: int
    cases: int
    passed: int
    detection: Spread | None
    recovery: Spread | None


def survivals(report: Conformance) -> list[Survival]:
    """Return what is known of each fault that was injected or measured."""
    measured = {recovery.fault: recovery for recovery in report.recoveries}
    found = []
    for fault in Fault:
        struck = [result for result in report.results if fault in result.faults]
        times = measured.get(fault)
        if struck or times:
            found.append(
                Survival(
                    fault,
                    injected=sum(result.faults[fault] for result in struck),
                    cases=len(struck),
                    passed=sum(result.outcome is Outcome.PASSED for result in struck),
                    detection=times.detection if times else None,
                    recovery=times.recovery if times else None,
                )
            )
    return found
