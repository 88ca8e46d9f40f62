"""What a report says, in a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from contract_tests.report.conformance import Conformance, Outcome
from contract_tests.report.rendering import duration, spread
from contract_tests.report.verdict import Remark, verdict

_MOST = 12


def failures(report: Conformance) -> Iterator[str]:
    """Yield what is known of each case that failed."""
    for result in report.results:
        if result.outcome in (Outcome.FAILED, Outcome.INVALID):
            yield f"{result.outcome.value}: {result.test} ({result.clause})"
            yield from (f"    {line}" for line in result.reason.splitlines())
            yield ""


def summary(report: Conformance, seconds: float) -> Iterator[str]:
    """Yield how the run went, and which levels are reached; why not the others."""
    counts = Counter(result.outcome for result in report.results)
    told = ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome if counts[outcome])
    yield f"{report.backend}: {told or 'no case'}, in {duration(seconds)}"
    reasons = Counter((result.outcome, result.reason) for result in report.results if not result.outcome.ran)
    for (outcome, reason), number in sorted(reasons.items()):
        yield f"    {outcome.value}: {number}, {reason}"
    for result in report.results:
        if result.runs > result.passed > 0:
            yield f"    {result.test}: {result.passed} of {result.runs} runs passed"
    extent = report.extent
    figures = ", ".join(f"{name} {_figure(value)}" for name, value in extent.counts.items())
    yield f"profile {extent.profile}, seed {extent.seed}{f', {extent.partial}' if extent.partial else ''}"
    if extent.profile == "quick":
        yield f"    reduced figures: {figures}"
    for recovery in report.recoveries:
        yield f"    {recovery.fault.value}: told after {spread(recovery.detection)}, well after {spread(recovery.recovery)}"
    if report.speeds:
        yield "times as long as memory: " + ", ".join(f"{speed.operation} {speed.ratio:.1f}" for speed in report.speeds)
    yield from _levels(report)


def document(report: Conformance, folder: str | None) -> dict[str, Any]:
    """Return the same for machines."""
    found = verdict(report)
    bad = [result for result in report.results if result.outcome in (Outcome.FAILED, Outcome.INVALID)]
    counts = Counter(result.outcome.value for result in report.results)
    return {
        "backend": report.backend,
        "level": found.reached,
        "invalid": bool(found.invalid),
        "profile": report.extent.profile,
        "seed": report.extent.seed,
        "partial": report.extent.partial,
        "counts": dict(counts),
        "failed": [
            {
                "case": each.test,
                "clause": each.clause,
                "outcome": each.outcome.value,
                "reason": each.reason,
                "again": each.again,
            }
            for each in bad
        ],
        "report": folder,
    }


def _levels(report: Conformance) -> Iterator[str]:
    if report.extent.partial:
        yield "only a run of all cases claims a level"
        return
    for level in verdict(report).levels:
        yield f"{level.name}: {'reached' if level.reached else 'not reached'}"
        for remarks in (level.reasons, level.gaps) if level.reached else (level.reasons,):
            lines = _folded(remarks)
            yield from lines[:_MOST]
            if len(lines) > _MOST:
                yield f"    and {len(lines) - _MOST} more"


def _folded(remarks: Sequence[Remark]) -> list[str]:
    """Return a line for each text, with all clauses of which it is said."""
    clauses: dict[str, list[str]] = {}
    for remark in remarks:
        clauses.setdefault(remark.text, []).append(remark.clause)
    return [f"    {', '.join(said)}: {text}" if any(said) else f"    {text}" for text, said in clauses.items()]


def _figure(value: int | tuple[int, ...]) -> str:
    return f"{value:,}" if isinstance(value, int) else "/".join(map(str, value))
