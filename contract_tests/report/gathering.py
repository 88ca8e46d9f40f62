"""The results of the cases, put together as their runs come in."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace

from contract_tests.report.conformance import Outcome, Result, Run

_ORDER = list(Outcome)


class Gathering:
    """Takes each run of each case, in any order, and makes one result of all runs of a case."""

    def __init__(self) -> None:
        self._results: dict[str, Result] = {}

    def add(self, run: Run) -> None:
        """Take what became of a case, once, or that it did not run.

        Of several runs the worst says what became of the case and why; seconds, faults and runs are added up.
        """
        new = Result(
            **{field.name: getattr(run, field.name) for field in fields(Run)},
            runs=int(run.outcome.ran),
            passed=int(run.outcome is Outcome.PASSED),
        )
        known = self._results.get(run.test)
        self._results[run.test] = new if known is None else _together(known, new)

    @property
    def results(self) -> tuple[Result, ...]:
        """What became of the cases so far, ordered by clause and name."""
        return tuple(sorted(self._results.values(), key=lambda result: (result.clause, result.test)))


def _together(first: Result, second: Result) -> Result:
    worst = max(first, second, key=lambda result: _ORDER.index(result.outcome))
    return replace(
        worst,
        seconds=first.seconds + second.seconds,
        faults=dict(Counter(first.faults) + Counter(second.faults)),
        runs=first.runs + second.runs,
        passed=first.passed + second.passed,
    )
