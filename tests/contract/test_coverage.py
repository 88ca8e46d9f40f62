"""Every clause of the contract has a case that has passed."""

from __future__ import annotations

from collections import Counter

import pytest

from contract_tests.clauses import LEVELS, SIDES, clauses
from contract_tests.contract import BackendContract
from contract_tests.report.tally import Tally
from tests.contract.test_faulty import TestFaultyPoor as FaultyPoor
from tests.contract.test_installed import INSTALLED
from tests.contract.test_poor import TestPoor as Poor
from tests.contract.test_remote import TestRemote as Remote

BACKENDS: tuple[type[BackendContract], ...] = (*INSTALLED, Remote, Poor, FaultyPoor)


def cases() -> dict[str, str]:
    """Return the clause of each case."""
    found = {}
    for name in dir(BackendContract):
        for mark in getattr(getattr(BackendContract, name), "pytestmark", ()):
            if mark.name == "clause":
                found[name] = mark.args[0].clause
    return found


def test_every_clause_has_a_case() -> None:
    """No promise is one in words only."""
    assert clauses().keys() - set(cases().values()) == set()


def test_every_case_has_a_clause_and_a_norm() -> None:
    """A case says which clause it stands for, and its norm in a sentence."""
    for name in dir(BackendContract):
        if name.startswith("test_"):
            assert name in cases(), name
            assert str(getattr(BackendContract, name).__doc__).endswith("."), name


def test_no_case_hides_another() -> None:
    """Of two cases of one name in different classes only one would run."""
    names = [name for part in BackendContract.__mro__ for name in vars(part) if name.startswith("test_")]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_clauses_are_complete() -> None:
    """Each clause has a level and a side that exist; one that needs something is not required."""
    for clause in clauses().values():
        assert clause.level in LEVELS
        assert clause.side in SIDES
        assert clause.required != bool(clause.needs)
        assert clause.promise


@pytest.mark.after_all_cases
def test_every_clause_has_passed_on_some_backend(contract_tally: Tally) -> None:
    """Each clause that this version can have has a case that ran, and passed, on at least one backend."""
    wanted = {(backend.harness.name, case) for backend in BACKENDS for case in cases()}
    if not contract_tally.has_all(wanted):
        pytest.skip("only a part of the cases was chosen, or some run in other processes")

    assert contract_tally.unproven() == []
