"""The level that a backend has reached, by the report of a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from contract_tests.clauses import LEVELS, Clause
from contract_tests.report.conformance import Conformance, Outcome, Result, Tried

_WITH_REDUCED_FIGURES = ("Core", "Concurrent")


@dataclass(frozen=True)
class Remark:
    """Something about a clause, or about the whole run, where ``clause`` is empty."""

    clause: str
    text: str

    def __str__(self) -> str:
        return f"{self.clause}: {self.text}" if self.clause else self.text


@dataclass(frozen=True)
class Level:
    """Whether a level is reached. ``reasons`` say why it is not; ``gaps`` what is not proven all the same."""

    name: str
    reasons: tuple[Remark, ...]
    gaps: tuple[Remark, ...]

    @property
    def reached(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons


@dataclass(frozen=True)
class Verdict:
    """What a run claims. ``invalid`` is why its figures mean nothing, else empty."""

    levels: tuple[Level, ...]
    invalid: tuple[Remark, ...]

    @property
    def reached(self) -> str | None:
        """The highest level reached; None where there is none."""
        names = [level.name for level in self.levels if level.reached]
        return names[-1] if names else None


def verdict(report: Conformance) -> Verdict:
    """Return which levels a backend has reached, and why not the others.

    A level needs all below it, and of each of its clauses that applies to the backend at least one case that ran, and none
    that failed. A clause does not apply where the declarations of the backend rule out all of its cases. A deviation is a
    failure where the clause is required. Only a run of all cases claims anything, and only one with the figures of the full
    profile claims more than Concurrent.
    """
    invalid = tuple(
        Remark(result.clause, f"{result.test}: {_first_line(result.reason)}")
        for result in report.results
        if result.outcome is Outcome.INVALID
    )
    levels: list[Level] = []
    for name in LEVELS:
        mine = [clause for clause in report.clauses if clause.level == name]
        reasons = [*_of_the_run(report, name, invalid=bool(invalid))]
        reasons += [Remark("", f"{level.name} is not reached") for level in levels[-1:] if not level.reached]
        reasons += [remark for clause in mine for remark in _against(clause, report.of(clause.id))]
        gaps = tuple(remark for clause in mine for remark in _gaps(clause, report.of(clause.id)))
        levels.append(Level(name, tuple(reasons), gaps))
    return Verdict(tuple(levels), invalid)


def _of_the_run(report: Conformance, level: str, *, invalid: bool) -> Iterator[Remark]:
    if invalid:
        yield Remark("", "the run is invalid")
    if report.extent.partial:
        yield Remark("", f"only a part of the cases had a turn: {report.extent.partial}")
    if report.extent.profile != "full" and level not in _WITH_REDUCED_FIGURES:
        yield Remark("", f"the figures of the profile {report.extent.profile} are too low for it")
    if level == LEVELS[0]:
        for ability in report.abilities:
            if ability.verified is Tried.NO:
                found = "declared, and not there" if ability.declared else "there, and not declared"
                yield Remark("", f"{ability.capability.value} is {found}")
        for limit in report.limits:
            if limit.verified is Tried.NO:
                yield Remark("", f"the declared limit of {limit.declared} {limit.unit} for a {limit.name} does not hold")


def _against(clause: Clause, results: tuple[Result, ...]) -> Iterator[Remark]:
    """Yield what speaks against a clause being kept; an invalid case speaks against the whole run already."""
    bad = {Outcome.FAILED, Outcome.DEVIATION} if clause.required else {Outcome.FAILED}
    for result in results:
        if result.outcome in bad:
            known = "a known deviation of a required clause" if result.outcome is Outcome.DEVIATION else "failed"
            yield Remark(clause.id, f"{result.test}: {known}: {_first_line(result.reason)}")
    if not results:
        yield Remark(clause.id, "no case of it in this run")
    elif not any(result.outcome.ran for result in results):
        why = {result.reason for result in results if result.outcome is Outcome.NOT_RUN}
        yield from (Remark(clause.id, f"no case of it ran: {reason}") for reason in sorted(why))


def _gaps(clause: Clause, results: tuple[Result, ...]) -> Iterator[Remark]:
    if any(result.outcome.ran for result in results):
        for result in results:
            if result.outcome is Outcome.NOT_RUN:
                yield Remark(clause.id, f"{result.test}: not run: {result.reason}")
            elif result.outcome is Outcome.DEVIATION and not clause.required:
                yield Remark(clause.id, f"{result.test}: a known deviation: {_first_line(result.reason)}")


def _first_line(text: str) -> str:
    # What pytest raises itself has no name that tells anything.
    return text.partition("\n")[0].removeprefix("Failed: ")
