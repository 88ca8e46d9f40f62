"""Which of the cases that were found are run, and why not the others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from contract_tests.clauses import clauses
from contract_tests.harness import Harness
from contract_tests.marks import Case
from contract_tests.notes import NOTES, Notes
from contract_tests.report.conformance import Outcome
from contract_tests.report.tally import Chosen, Tally
from contract_tests.run.deviations import Deviations
from contract_tests.run.origin import origin

QUICK = ("Core", "Concurrent")
"""The levels of the profile quick."""

_ROUND = re.compile(r"(?:-|(?<=\[))round\d+of\d+\]$")


class Options(NamedTuple):
    """What was asked for."""

    profile: str
    clauses: Sequence[str]
    words: Sequence[str]


class Selection:
    """Chooses among the tests of pytest, and tells the tally of each case."""

    def __init__(self, options: Options, deviations: Deviations, tally: Tally) -> None:
        self._options = options
        self._deviations = deviations
        self._tally = tally

    def kept(self, items: Sequence[pytest.Item], found: Sequence[pytest.Item]) -> list[pytest.Item]:
        """Return the tests to run. ``found`` are all cases, also those that somebody has removed from ``items`` before.

        :raises pytest.UsageError: a clause, a word or the id of a deviation fits no case
        """
        self._check(found)
        kept = [item for item in items if item.get_closest_marker("clause") is None or self._keeps(item)]
        for name in {harness(item).name for item in found}:
            mine = [item for item in found if harness(item).name == name]
            self._tally.about[name] = _about(harness(mine[0]))
            self._tally.partial[name] = self._partial(name, mine)
        return kept

    def _keeps(self, item: pytest.Item) -> bool:
        case, backend = case_of(item), harness(item)
        if not self._wanted(item, case):
            return False
        absence = backend.lacking(case)
        outcome, reason = None, ""
        if absence is not None:
            outcome, reason = Outcome.NOT_RUN if absence.applies else Outcome.NOT_APPLICABLE, absence.reason
        elif self._options.profile == "quick" and clauses()[case.clause].level not in QUICK:
            outcome, reason = Outcome.NOT_RUN, f"the profile quick runs the levels {' and '.join(QUICK)}"
        needs, lacks = (tuple(sorted(each.value for each in side)) for side in (case.needs, case.lacks))
        self._tally.chosen[item.nodeid] = Chosen(bare(item.nodeid), backend.name, case.clause, needs, lacks, outcome, reason)
        item.stash[NOTES] = Notes()
        return outcome is None

    def _wanted(self, item: pytest.Item, case: Case) -> bool:
        name, words = bare(item.name), self._options.words
        if self._options.clauses and case.clause not in self._options.clauses:
            return False
        return not words or any(word == name or (word not in self._names and word in name) for word in words)

    def _check(self, found: Sequence[pytest.Item]) -> None:
        self._names = {bare(item.name) for item in found}
        unknown = [each for each in self._options.clauses if each not in clauses()]
        if unknown:
            raise pytest.UsageError(f"no such clause: {', '.join(unknown)}")
        strange = [word for word in self._options.words if not any(word in name for name in self._names)]
        if strange:
            raise pytest.UsageError(f"no case has this in its name: {', '.join(strange)}")
        written = {name for item in found for name in _tests(item)}
        self._deviations.check(self._names | written)

    def _partial(self, backend: str, found: Sequence[pytest.Item]) -> str:
        """Return why not all cases of a backend have a turn; empty where all have."""
        chosen = {case.test for case in self._tally.chosen.values() if case.backend == backend}
        names = {bare(item.name).partition("[")[0] for item in found}
        missing = {name for item in found for name in _tests(item)} - names
        gone = {bare(item.nodeid) for item in found} - chosen
        if not missing and not gone:
            return ""
        return f"{len(chosen)} cases were chosen, others were not"


def bare(test: str) -> str:
    """Return the id of a test without the number of its repetition.

    >>> bare("test_a[cut-round2of3]"), bare("test_a[round2of3]"), bare("test_a[cut]")
    ('test_a[cut]', 'test_a', 'test_a[cut]')
    """
    return _ROUND.sub("]", test).removesuffix("[]")


def case_of(item: pytest.Item) -> Case:
    """Return the case that a test is."""
    mark = item.get_closest_marker("clause")
    assert mark is not None
    parameters = getattr(item, "callspec", None)
    case: Case = mark.args[0]
    return case.of(parameters.params if parameters is not None else {})


def harness(item: pytest.Item) -> Harness:
    """Return how the backend of a test is reached."""
    found: Harness = item.cls.harness  # type: ignore[attr-defined]
    return found


def _tests(item: pytest.Item) -> list[str]:
    """Return the names of all cases in the class of one."""
    kind: Any = item.cls  # type: ignore[attr-defined]
    return [
        name
        for name in dir(kind)
        if any(mark.name == "clause" for mark in getattr(getattr(kind, name, None), "pytestmark", ()))
    ]


def _about(backend: Harness) -> dict[str, Any]:
    return {
        "driver": list(origin(backend.name)),
        "server": backend.answers,
        "capabilities": sorted(capability.value for capability in backend.capabilities),
    }
