"""A verdict claims what a run has shown, and nothing more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contract_tests.capability import Capability
from contract_tests.clauses import LEVELS
from contract_tests.report.conformance import Ability, Conformance, Limit, Outcome, Tried
from contract_tests.report.verdict import verdict
from tests.report.reports import DEVIATION, report, result

NO_FAULTS = "the harness injects no faults"


def reasons(made: Conformance, level: str) -> list[str]:
    """What speaks against a level."""
    [one] = [one for one in verdict(made).levels if one.name == level]
    return [str(reason) for reason in one.reasons]


def test_a_backend_that_keeps_everything_reaches_all_levels() -> None:
    assert [level.reached for level in verdict(report()).levels] == [True] * 4
    assert verdict(report()).reached == "Verified"


@pytest.mark.parametrize(
    ("clause", "reached"), [("KV-01", None), ("CAS-03", "Core"), ("ERR-03", "Concurrent"), ("ERR-07", "Resilient")]
)
def test_a_failure_takes_its_level_and_those_above(clause: str, reached: str | None) -> None:
    made = report(result(clause, Outcome.FAILED, "wrong"))

    assert verdict(made).reached == reached
    first, *above = LEVELS[0 if reached is None else LEVELS.index(reached) + 1 :]
    assert any(reason.startswith(f"{clause}: ") and reason.endswith("failed: wrong") for reason in reasons(made, first))
    for below, level in zip((first, *above), above, strict=False):
        assert reasons(made, level) == [f"{below} is not reached"]


def test_one_failure_among_many_passes_is_a_failure() -> None:
    many = [result("KV-01", test=f"test_{number}") for number in range(50)]

    assert verdict(report(*many, result("KV-01", Outcome.FAILED, test="test_x"))).reached is None


def test_the_failure_of_an_optional_clause_counts_too() -> None:
    assert verdict(report(result("TX-01", Outcome.FAILED))).reached is None


def test_a_deviation_from_a_required_clause_is_a_failure() -> None:
    made = report(result("LOSS-06", Outcome.DEVIATION, "found after 5 s", deviation=DEVIATION))

    assert verdict(made).reached == "Concurrent"
    assert reasons(made, "Resilient") == ["LOSS-06: test_loss_06: a known deviation of a required clause: found after 5 s"]


def test_a_deviation_from_an_optional_clause_takes_nothing_and_is_told() -> None:
    made = report(result("LOSS-07", Outcome.DEVIATION, "forgets", deviation=DEVIATION))

    assert verdict(made).reached == "Verified"
    assert "LOSS-07: test_loss_07: a known deviation: forgets" in [str(gap) for gap in verdict(made).levels[2].gaps]


def test_a_clause_of_which_no_case_ran_is_not_kept() -> None:
    made = report(result("LOSS-06", Outcome.NOT_RUN, NO_FAULTS), result("ERR-03", Outcome.NOT_RUN, NO_FAULTS))

    assert verdict(made).reached == "Concurrent"
    assert reasons(made, "Resilient") == [f"{clause}: no case of it ran: {NO_FAULTS}" for clause in ("LOSS-06", "ERR-03")]


def test_a_declared_capability_that_can_not_be_tried_is_not_kept_either() -> None:
    assert verdict(report(result("TX-02", Outcome.NOT_RUN, NO_FAULTS))).reached == "Concurrent"


def test_what_does_not_apply_beside_what_could_not_run_is_no_proof() -> None:
    made = report(
        result("LOSS-01", Outcome.NOT_APPLICABLE, "the backend is resuming", test="test_a"),
        result("LOSS-01", Outcome.NOT_RUN, NO_FAULTS, test="test_b"),
    )

    assert reasons(made, "Resilient") == [f"LOSS-01: no case of it ran: {NO_FAULTS}"]


def test_a_clause_that_the_backend_can_not_have_takes_nothing() -> None:
    made = report(result("LIFE-05", Outcome.NOT_APPLICABLE, "the backend is not shared"))

    assert verdict(made).reached == "Verified"


def test_a_clause_without_any_case_in_the_run_is_not_kept() -> None:
    made = report(without=["KV-05"])

    assert verdict(made).reached is None
    assert reasons(made, "Core") == ["KV-05: no case of it in this run"]


def test_a_report_without_results_claims_nothing() -> None:
    assert verdict(replace(report(), results=())).reached is None


def test_a_part_of_a_clause_that_could_not_run_is_told() -> None:
    made = report(
        result("ERR-06", test="test_full"), result("ERR-06", Outcome.NOT_RUN, "can not inject: overloaded", test="test_b")
    )

    assert verdict(made).reached == "Verified"
    assert "ERR-06: test_b: not run: can not inject: overloaded" in [str(gap) for gap in verdict(made).levels[2].gaps]


def test_reduced_figures_reach_concurrent_at_most() -> None:
    made = report()
    quick = replace(made, extent=replace(made.extent, profile="quick"))

    assert verdict(quick).reached == "Concurrent"
    assert reasons(quick, "Resilient") == ["the figures of the profile quick are too low for it"]


@pytest.mark.parametrize("partial", ["chosen by -k keys", "interrupted"])
def test_a_run_of_a_part_of_the_cases_claims_nothing(partial: str) -> None:
    made = report()

    part = replace(made, extent=replace(made.extent, partial=partial))

    assert verdict(part).reached is None
    assert reasons(part, "Core") == [f"only a part of the cases had a turn: {partial}"]


def test_a_case_that_means_nothing_makes_the_run_mean_nothing() -> None:
    made = report(result("ERR-07", Outcome.INVALID, "2 operations overlapped, 50 are needed"))

    assert verdict(made).reached is None
    assert [str(remark) for remark in verdict(made).invalid] == ["ERR-07: test_err_07: 2 operations overlapped, 50 are needed"]
    assert reasons(made, "Core") == ["the run is invalid"]


@pytest.mark.parametrize(("declared", "told"), [(True, "declared, and not there"), (False, "there, and not declared")])
def test_an_untrue_declaration_of_a_capability_takes_all_levels(declared: bool, told: str) -> None:
    made = report(abilities=(Ability(Capability.RESUMING, declared, Tried.NO),))

    assert verdict(made).reached is None
    assert reasons(made, "Core") == [f"resuming is {told}"]


def test_an_untrue_limit_takes_all_levels() -> None:
    made = report(limits=(Limit("value", 1024, "bytes", Tried.NO),))

    assert reasons(made, "Core") == ["the declared limit of 1024 bytes for a value does not hold"]


def test_what_was_not_tried_of_the_declarations_takes_nothing() -> None:
    made = report(abilities=(Ability(Capability.RESUMING, True),), limits=(Limit("value", 1024, "bytes"),))

    assert verdict(made).reached == "Verified"
