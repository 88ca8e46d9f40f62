"""What became of the cases, for each backend and each clause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from contract_tests.clauses import clauses
from contract_tests.fault import Fault
from contract_tests.report.conformance import Deviation, Outcome, Run
from contract_tests.report.gathering import Gathering

INTERRUPTED = "the run ended before it"

_WORST_LAST = list(Outcome)


class Chosen(NamedTuple):
    """A case: ``test`` is its id without the number of the repetition, ``outcome`` and ``reason`` say why it is left out."""

    test: str
    backend: str
    clause: str
    needs: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    outcome: Outcome | None = None
    reason: str = ""

    @property
    def name(self) -> str:
        """The name of the test, with its parameters."""
        return self.test.rpartition("::")[2]


@dataclass
class Seen:
    """What was seen of a test in the phases of one run of it: the worst is what became of it."""

    outcome: Outcome | None = None
    reason: str = ""
    again: str = ""
    seconds: float = 0.0
    faults: Counter[Fault] = field(default_factory=Counter)
    deviation: Deviation | None = None

    def add(self, outcome: Outcome, reason: str) -> None:
        """Take the outcome of a phase."""
        if self.outcome is None or _WORST_LAST.index(outcome) > _WORST_LAST.index(self.outcome):
            self.outcome, self.reason = outcome, reason


class Tally:
    """The cases of a run by the ids of their tests, and what was seen of each."""

    def __init__(self) -> None:
        self.chosen: dict[str, Chosen] = {}
        self.seen: dict[str, Seen] = {}
        self.recoveries: dict[str, list[tuple[Fault, str, float]]] = {}
        """Times by backend: of which fault, detection or recovery, in seconds."""
        self.limits: dict[str, dict[str, int]] = {}
        self.partial: dict[str, str] = {}
        """Why some cases of a backend had no turn."""
        self.about: dict[str, dict[str, Any]] = {}
        """What a harness says of its backend."""

    def told(self) -> dict[str, Any]:
        """Return what was chosen, as it can be sent to another process."""
        cases = [[test, *case._replace(outcome=None), _value(case.outcome)] for test, case in self.chosen.items()]
        return {"cases": cases, "about": self.about, "partial": self.partial}

    def hear(self, told: dict[str, Any]) -> None:
        """Take what another process has chosen."""
        for test, *case, outcome in told["cases"]:
            self.chosen[test] = Chosen(*case)._replace(outcome=Outcome(outcome) if outcome else None)
        self.about.update(told["about"])
        self.partial.update(told["partial"])

    def phase(self, test: str, backend: str, facts: dict[str, Any], seconds: float) -> None:
        """Take what a report tells of one phase of a test."""
        seen = self.seen.setdefault(test, Seen())
        seen.seconds += seconds
        if facts["outcome"]:
            seen.add(Outcome(facts["outcome"]), facts["reason"])
        seen.again = facts["again"] or seen.again
        if facts["deviation"]:
            seen.deviation = Deviation(*facts["deviation"])
        seen.faults.update({Fault(fault): count for fault, count in facts["faults"].items()})
        for fault, what, measured in facts["recoveries"]:
            self.recoveries.setdefault(backend, []).append((Fault(fault), what, measured))
        if facts["limits"]:
            self.limits[backend] = facts["limits"]

    @property
    def backends(self) -> list[str]:
        """The backends of this run."""
        return sorted({chosen.backend for chosen in self.chosen.values()})

    def gathered(self, backend: str) -> Gathering:
        """Return the results of a backend so far; what had no turn yet was not run."""
        gathering = Gathering()
        for test, chosen in self.chosen.items():
            if chosen.backend == backend:
                gathering.add(self._run(test, chosen))
        return gathering

    def has_all(self, cases: Iterable[tuple[str, str]]) -> bool:
        """Tell whether each of these has an outcome in this run: of a backend and a test without parameters."""
        return set(cases) <= {(chosen.backend, chosen.name.partition("[")[0]) for chosen, _ in self._outcomes()}

    def unproven(self) -> list[str]:
        """Return the clauses of which no case has passed on any backend."""
        proven = {chosen.clause for chosen, outcome in self._outcomes() if outcome is Outcome.PASSED}
        return [clause.id for clause in clauses().values() if clause.id not in proven]

    def lines(self) -> Iterator[str]:
        """Yield a line for each backend, and one for each reason why something was left out."""
        for backend in self.backends:
            results = self.gathered(backend).results
            counts = Counter(result.outcome for result in results)
            shown = [outcome for outcome in Outcome if counts[outcome] or outcome in (Outcome.PASSED, Outcome.FAILED)]
            yield f"{backend}: " + ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in shown)
            reasons = Counter((result.outcome.value, result.reason) for result in results if not result.outcome.ran)
            for (outcome, reason), number in sorted(reasons.items()):
                yield f"    {outcome}: {number}, {reason}"
            for result in results:
                if result.runs > result.passed > 0:
                    yield f"    {result.test}: {result.passed} of {result.runs} passed"

    def _outcomes(self) -> Iterator[tuple[Chosen, Outcome]]:
        for test, chosen in self.chosen.items():
            outcome = chosen.outcome or (self.seen[test].outcome if test in self.seen else None)
            if outcome is not None:
                yield chosen, outcome

    def _run(self, test: str, chosen: Chosen) -> Run:
        seen = self.seen.get(test, Seen())
        return Run(
            chosen.name,
            chosen.clause,
            chosen.outcome or seen.outcome or Outcome.NOT_RUN,
            chosen.reason or seen.reason or ("" if seen.outcome else INTERRUPTED),
            seconds=seen.seconds,
            faults=dict(seen.faults),
            deviation=seen.deviation,
            again=seen.again,
        )


def _value(outcome: Outcome | None) -> str:
    return outcome.value if outcome is not None else ""
