"""What the outcomes of cases on mutants mean."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from contract_tests.clauses import clauses
from contract_tests.contract import BackendContract
from contract_tests.mutants.choice import Choice
from contract_tests.mutants.registry import Mutant

Outcomes = dict[tuple[int, str], bool]
"""Whether a case passed, by the number of the round and its name with its parameters."""

LEAST = 0.8
"""The part of the other cases that a mutant has to pass, else it is no small defect."""

# With five others that part says little of one mutant: half as much of one, and all of it of all together.
_FEW = 20


def read(paths: Sequence[Path]) -> dict[str, Outcomes]:
    """Return the outcomes that several runs have written."""
    found: dict[str, Outcomes] = {}
    for path in paths:
        for line in path.read_text().splitlines():
            mutant, number, case, passed = json.loads(line)
            outcomes = found.setdefault(mutant, {})
            outcomes[number, case] = passed and outcomes.get((number, case), True)
    return found


class Judgement:
    """Which mutants were found by the case that they name, and which cases have found any."""

    def __init__(self, choice: Choice, run: Sequence[Mutant], outcomes: Mapping[str, Outcomes]) -> None:
        self._choice = choice
        self._run = run
        self._outcomes = outcomes

    def killed(self, mutant: Mutant) -> int:
        """Return in how many rounds the named case has failed, with any of its parameters."""
        failed = {at[0] for at, passed in self._named(mutant).items() if not passed}
        return len(failed)

    def passed(self, mutant: Mutant) -> tuple[int, int]:
        """Return how many of the other cases passed, and how many there were."""
        others = [passed for at, passed in self._outcomes[mutant.name].items() if _case(at) != mutant.case]
        return sum(others), len(others)

    @property
    def survivors(self) -> list[Mutant]:
        """The mutants that the named case did not find each time."""
        return [mutant for mutant in self._run if self.killed(mutant) < self._choice.rounds]

    @property
    def gross(self) -> list[Mutant]:
        """The mutants that fail too many of the other cases."""
        return [mutant for mutant in self._run if self._is_gross(*self.passed(mutant))]

    def _is_gross(self, passed: int, count: int) -> bool:
        return passed < count * (LEAST if count >= _FEW else LEAST / 4)

    @property
    def idle(self) -> list[str]:
        """The cases of required clauses that found no mutant; of a run of all cases on all mutants."""
        kills = self.kills()
        return sorted(name for name in required() if not kills[name])

    def kills(self) -> Counter[str]:
        """Return how many mutants each case has found."""
        found: Counter[str] = Counter()
        for outcomes in self._outcomes.values():
            found.update({_case(at) for at, passed in outcomes.items() if not passed})
        return found

    @property
    def good(self) -> bool:
        """Whether all is as it should be."""
        passed, count = self._total()
        proven = self._choice.others is not None or not self.idle
        return bool(self._run) and not self.survivors and not self.gross and passed >= LEAST * count and proven

    def lines(self) -> Iterator[str]:
        """Yield what there is to say."""
        run = len(self._run)
        rounds = self._choice.rounds
        yield f"{run} mutants, {run - len(self.survivors)} killed by the named case, in {rounds} of {rounds} rounds"
        for mutant in self.survivors:
            yield f"    {mutant.name}: {mutant.kills} found it in {self.killed(mutant)} rounds"
        passed, count = self._total()
        yield f"others: {passed} of {count} passed; seed {self._choice.seed}"
        for mutant in self.gross:
            good, of = self.passed(mutant)
            failed = sorted({_case(at) for at, fine in self._outcomes[mutant.name].items() if not fine})
            yield f"    {mutant.name} passes {good} of {of}; it fails {', '.join(failed)}"
        if self._choice.others is None:
            yield f"cases of required clauses that found no mutant: {len(self.idle)} of {len(required())}"
            yield from (f"    {name}" for name in self.idle)

    def _named(self, mutant: Mutant) -> Outcomes:
        return {at: passed for at, passed in self._outcomes[mutant.name].items() if _case(at) == mutant.case}

    def _total(self) -> tuple[int, int]:
        pairs = [self.passed(mutant) for mutant in self._run]
        return sum(passed for passed, _ in pairs), sum(count for _, count in pairs)


def required() -> set[str]:
    """Return the cases of required clauses."""
    return {
        name
        for name in dir(BackendContract)
        for mark in getattr(getattr(BackendContract, name), "pytestmark", ())
        if mark.name == "clause" and clauses()[mark.args[0].clause].required
    }


def _case(at: tuple[int, str]) -> str:
    return at[1].partition("[")[0]
