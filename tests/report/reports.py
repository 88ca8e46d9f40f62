"""Reports made by hand, of a backend that keeps everything unless a test says otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from contract_tests.capability import Capability
from contract_tests.clauses import clauses
from contract_tests.counts import PROFILES
from contract_tests.fault import Fault
from contract_tests.report.conformance import (
    Ability,
    Conformance,
    Deviation,
    Distribution,
    Extent,
    Limit,
    Outcome,
    Place,
    Recovery,
    Result,
    Speed,
    Spread,
    Tried,
)

DEVIATION = Deviation("acme-17", "limit of the store", "the store forgets positions after an hour", until="2.0")


def result(clause: str, outcome: Outcome = Outcome.PASSED, reason: str = "", **more: Any) -> Result:
    """A case of a clause."""
    test = more.pop("test", f"test_{clause.lower().replace('-', '_')}")
    return Result(
        test,
        clause,
        outcome,
        reason or ("" if outcome is Outcome.PASSED else f"because of {clause}"),
        seconds=0.25,
        again=f"dfbackends verify acme --case '{test}'",
        runs=int(outcome.ran),
        passed=int(outcome is Outcome.PASSED),
        **more,
    )


def report(*results: Result, without: Iterable[str] = (), **more: Any) -> Conformance:
    """A report in which each clause that has a case passed, but for those whose results are given, and those left out."""
    said = {result.clause for result in results} | set(without)
    passed = [result(clause.id) for clause in clauses().values() if clause.id not in said]
    made = Conformance(
        backend="acme",
        driver=Distribution("dfbackends-acme", "1.4.2"),
        core=Distribution("dfbackends", "0.1.0"),
        suite=Distribution("dfbackends-contract-tests", "0.1.0"),
        place=Place("acme 7.2.4, one node", "3.11.2", "Linux x86_64", datetime(2026, 11, 26, 3, 7, tzinfo=timezone.utc)),
        extent=Extent("full", 20261126, PROFILES["full"]._asdict()),
        clauses=tuple(clauses().values()),
        results=(*results, *passed),
        abilities=tuple(Ability(capability, True, Tried.YES) for capability in Capability),
        limits=(Limit("name", 512, "bytes", Tried.YES), Limit("commit", 1000, "writes")),
        recoveries=(Recovery(Fault.BROKEN_LINE, Spread.of([0.02, 0.01, 0.05]), Spread.of([0.4, 0.9])),),
        speeds=(Speed("put", 7.5), Speed("get", 4.0)),
    )
    return replace(made, **more)
