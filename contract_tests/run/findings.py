"""The reports of a run, one for each backend in it."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

from contract_tests.capability import Capability
from contract_tests.clauses import clauses
from contract_tests.counts import PROFILES
from contract_tests.fault import Fault
from contract_tests.report.comparison import compare, page
from contract_tests.report.conformance import (
    Ability,
    Conformance,
    Distribution,
    Extent,
    Limit,
    Outcome,
    Place,
    Recovery,
    Result,
    Spread,
    Tried,
)
from contract_tests.report.tally import INTERRUPTED, Tally
from contract_tests.report.writer import PAGE, write
from contract_tests.run.deviations import Deviations
from contract_tests.waiting import FACTOR

# Which cases show that a limit holds, at N and at N + 1.
_LIMITS = {
    "name": ("bytes", {"test_declared_limits_are_true", "test_limits_count_bytes"}),
    "topic": ("bytes", {"test_declared_limits_are_true", "test_limits_count_bytes"}),
    "value": ("bytes", {"test_the_limit_of_a_value", "test_limits_count_bytes"}),
    "commit": ("writes", {"test_the_limit_of_a_transaction", "test_more_than_a_commit_takes"}),
}
_ABSENT = "test_transactions_are_there_or_not"


class Findings:
    """What a tally says, as reports."""

    def __init__(self, tally: Tally, deviations: Deviations, *, profile: str, seed: int) -> None:
        self._tally = tally
        self._deviations = deviations
        self._profile = profile
        self._seed = seed
        self.reports = [self._report(backend) for backend in tally.backends]

    def disappointed(self) -> bool:
        """Tell whether a backend has failed in a way that no single test has."""
        return any(result.outcome is Outcome.FAILED for report in self.reports for result in report.results)

    def write(self, folder: Path) -> None:
        """Write the report of the one backend into a folder; of several each into its own, with a comparison."""
        if len(self.reports) == 1:
            write(self.reports[0], folder)
            return
        for report in self.reports:
            write(report, folder / report.backend)
        (folder / PAGE).write_text(page(compare(self.reports)), encoding="utf-8")

    def _report(self, backend: str) -> Conformance:
        tally, about = self._tally, self._tally.about[backend]
        results = tuple(self._judged(tally.gathered(backend).results, whole=not tally.partial[backend]))
        partial = tally.partial[backend]
        if any(result.reason == INTERRUPTED for result in results):
            partial = "; ".join(filter(None, [partial, "the run was interrupted"]))
        return Conformance(
            backend=backend,
            driver=Distribution(*about["driver"]),
            core=Distribution("dfbackends", metadata.version("dfbackends")),
            suite=Distribution("dfbackends-contract-tests", metadata.version("dfbackends-contract-tests")),
            place=Place(
                about["server"],
                platform.python_version(),
                f"{platform.system()} {platform.machine()}",
                datetime.now(timezone.utc).replace(microsecond=0),
            ),
            extent=Extent(self._profile, self._seed, PROFILES[self._profile]._asdict(), FACTOR, partial),
            clauses=tuple(clauses().values()),
            results=results,
            abilities=tuple(self._abilities(backend, results)),
            limits=tuple(
                Limit(name, value, _LIMITS[name][0], _tried(results, _LIMITS[name][1]))
                for name, value in tally.limits.get(backend, {}).items()
            ),
            recoveries=tuple(self._recoveries(backend)),
        )

    def _judged(self, results: tuple[Result, ...], *, whole: bool) -> Iterator[Result]:
        """Yield the results; where all cases of a clause pass that is known to deviate, they fail."""
        for result in results:
            known = self._deviations.known.get(result.clause)
            mine = [other for other in results if other.clause == result.clause and other.outcome.ran]
            unexpected = known is not None and whole and all(other.outcome is Outcome.PASSED for other in mine)
            if unexpected and result.outcome is Outcome.PASSED and known is not None:
                reason = f"all cases of {known.id} pass, which is known to fail: remove the deviation ({known.reason})"
                yield replace(result, outcome=Outcome.FAILED, reason=reason)
            elif result.runs > result.passed > 0 and result.outcome is Outcome.FAILED:
                yield replace(result, reason=f"{result.passed} of {result.runs} runs passed: {result.reason}")
            else:
                yield result

    def _abilities(self, backend: str, results: tuple[Result, ...]) -> Iterator[Ability]:
        declared = self._tally.about[backend]["capabilities"]
        for capability in Capability:
            has = capability.value in declared
            cases = {
                chosen.name
                for chosen in self._tally.chosen.values()
                if chosen.backend == backend and capability.value in (chosen.needs if has else chosen.lacks)
            }
            if capability is Capability.TRANSACTIONAL:
                cases.add(_ABSENT)
            yield Ability(capability, has, _tried(results, cases))

    def _recoveries(self, backend: str) -> Iterator[Recovery]:
        measured = self._tally.recoveries.get(backend, [])
        for fault in Fault:
            times = {what: [seconds for one, kind, seconds in measured if (one, kind) == (fault, what)] for what in _TIMES}
            if any(times.values()):
                detection, recovery = (Spread.of(times[what]) if times[what] else None for what in _TIMES)
                yield Recovery(fault, detection, recovery)


_TIMES = ("detection", "recovery")


def _tried(results: tuple[Result, ...], cases: set[str]) -> Tried:
    """Return whether cases have shown what they are about: all failed, or one passed."""
    outcomes = {result.outcome for result in results if result.test in cases or result.test.partition("[")[0] in cases}
    if Outcome.PASSED in outcomes:
        return Tried.YES
    return Tried.NO if Outcome.FAILED in outcomes else Tried.NOT_TRIED
