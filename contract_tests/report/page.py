"""A report as a page to look at and to show."""

from __future__ import annotations

from collections import Counter

from contract_tests.report.conformance import Conformance, Outcome
from contract_tests.report.matrix import by_side
from contract_tests.report.rendering import render
from contract_tests.report.survival import survivals
from contract_tests.report.verdict import verdict


def page(report: Conformance) -> str:
    """Return one HTML document that loads nothing else. Without scripts it lacks the filters, and nothing more."""
    counted = Counter(result.outcome for result in report.results)
    return render(
        "report.html",
        report=report,
        verdict=verdict(report),
        totals=[(outcome, counted[outcome]) for outcome in Outcome if counted[outcome]],
        sides=by_side(report),
        survivals=survivals(report),
        injected=sum(count for result in report.results for count in result.faults.values()),
        slowest=max((speed.ratio for speed in report.speeds), default=1.0),
    )
