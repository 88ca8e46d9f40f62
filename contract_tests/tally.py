"""What became of the cases, for each backend and each clause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from contract_tests.clauses import clauses

OUTCOMES = ("passed", "skipped", "not applicable", "failed")


class Verdict(NamedTuple):
    """What became of one case on one backend; the reason of what was not applicable."""

    backend: str
    clause: str
    outcome: str
    reason: str = ""


class Tally:
    """Verdicts by the ids of the tests."""

    def __init__(self) -> None:
        self.verdicts: dict[str, Verdict] = {}

    def add(self, test: str, verdict: Verdict) -> None:
        """Note a verdict; of several for one test (its setup, itself, its end) the worst stays."""
        known = self.verdicts.get(test)
        if known is None or OUTCOMES.index(verdict.outcome) > OUTCOMES.index(known.outcome):
            self.verdicts[test] = verdict

    def unproven(self) -> list[str]:
        """Return the clauses of which no case has passed on any backend."""
        proven = {verdict.clause for verdict in self.verdicts.values() if verdict.outcome == "passed"}
        return [clause.id for clause in clauses().values() if clause.id not in proven]

    def lines(self) -> Iterator[str]:
        """Yield a line for each backend, and one for each reason why something was not applicable."""
        for backend in sorted({verdict.backend for verdict in self.verdicts.values()}):
            mine = [verdict for verdict in self.verdicts.values() if verdict.backend == backend]
            counts = Counter(verdict.outcome for verdict in mine)
            yield f"{backend}: " + ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES)
            reasons = Counter(verdict.reason for verdict in mine if verdict.outcome == "not applicable")
            for reason, number in sorted(reasons.items()):
                yield f"    not applicable: {number}, {reason}"
