"""The clauses of a report, each with what became of its cases."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby

from contract_tests.clauses import Clause
from contract_tests.report.conformance import Conformance, Outcome, Result

_ORDER = list(Outcome)
_WORST_FIRST = (
    Outcome.INVALID,
    Outcome.FAILED,
    Outcome.DEVIATION,
    Outcome.PASSED,
    Outcome.NOT_RUN,
    Outcome.NOT_APPLICABLE,
)


@dataclass(frozen=True)
class Row:
    """A clause and its cases, the worst first."""

    clause: Clause
    results: tuple[Result, ...]

    @property
    def outcome(self) -> Outcome | None:
        """What became of the clause: the worst of what ran, else why nothing did; None where it has no case."""
        found = {result.outcome for result in self.results}
        return next((outcome for outcome in _WORST_FIRST if outcome in found), None)

    @property
    def partly(self) -> bool:
        """Whether some of its cases ran, and others could not."""
        found = {result.outcome for result in self.results}
        return Outcome.NOT_RUN in found and any(outcome.ran for outcome in found)

    @property
    def counts(self) -> list[tuple[Outcome, int]]:
        """How many cases had which outcome; outcomes that none had are left out."""
        counted = Counter(result.outcome for result in self.results)
        return [(outcome, counted[outcome]) for outcome in Outcome if counted[outcome]]


def rows(report: Conformance) -> list[Row]:
    """Return a row for each clause of a report, in its order."""
    return [
        Row(clause, tuple(sorted(report.of(clause.id), key=lambda result: -_ORDER.index(result.outcome))))
        for clause in report.clauses
    ]


def by_side(report: Conformance) -> list[tuple[str, list[Row]]]:
    """Return the rows of a report in groups: what neighbours have to do with the same side of a backend."""
    return [(side, list(group)) for side, group in groupby(rows(report), lambda row: row.clause.side)]
