"""A run of the cases: what its report says, and what is chosen, repeated and left to chance."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from importlib.util import find_spec

import pytest

from contract_tests.report.conformance import Conformance, Outcome
from tests.contract.authors import BEGIN, CASES, END, report, result, run_cases

pytest_plugins = ["pytester"]


def test_the_report_has_each_case(pytester: pytest.Pytester) -> None:
    run_cases(pytester, "good bad idle timed", "--contract-seed", "9")

    found = report(pytester)
    assert (found.backend, found.extent.seed, found.extent.partial) == ("mine", 9, "")
    assert result(pytester, "good").outcome is Outcome.PASSED
    assert result(pytester, "bad").outcome is Outcome.FAILED
    assert result(pytester, "bad").again == "pytest test_mine.py::TestMine::test_bad --contract-seed 9"
    assert result(pytester, "idle").outcome is Outcome.INVALID
    assert "these faults have struck nothing: ['cut']" in result(pytester, "idle").reason
    assert {fault.value: count for fault, count in result(pytester, "timed").faults.items()} == {"down": 1}
    [recovery] = found.recoveries
    assert recovery.detection is not None
    assert recovery.recovery is not None
    assert (recovery.fault.value, recovery.detection.median, recovery.recovery.median) == ("down", 0.5, 1.5)
    assert "KV-02" in (pytester.path / "out" / "index.html").read_text()
    assert "test_bad" in (pytester.path / "out" / "junit.xml").read_text()


def test_a_case_that_has_shown_nothing_is_not_good(pytester: pytest.Pytester) -> None:
    """It is neither passed nor failed, but invalid; and the run is no success."""
    run = run_cases(pytester, "good alone few")

    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(["mine: 1 passed, 0 failed, 2 invalid"])
    for case, reason in (
        ("alone", "0 of * operations overlapped another one on their key*"),
        ("few", "*were answered, not 1000*"),
    ):
        assert result(pytester, case).outcome is Outcome.INVALID
        assert fnmatch(result(pytester, case).reason.partition("\n")[0], f"*TooLittle: {reason}")


def test_several_backends_have_a_report_each(pytester: pytest.Pytester) -> None:
    """They are compared on a page."""
    more = END.replace("TestMine", "TestOther").replace("mine", "other")
    pytester.makepyfile(test_mine=BEGIN + CASES["good"] + END + more)
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "--contract-report", "out").assert_outcomes(passed=2)

    for name in ("mine", "other"):
        assert Conformance.read(pytester.path / "out" / name / "conformance.json").backend == name
    assert (pytester.path / "out" / "index.html").exists()


def test_a_part_of_the_cases_is_told(pytester: pytest.Pytester) -> None:
    for choice in (
        ["-k", "good"],
        ["--contract-case", "good"],
        ["--contract-clause", "KV-01"],
        ["test_mine.py::TestMine::test_good"],
    ):
        run_cases(pytester, "good bad", *choice).assert_outcomes(passed=1, deselected=len(choice) - 1 and 1)
        assert report(pytester).extent.partial == "1 cases were chosen, others were not"


@pytest.mark.parametrize("choice", [["--contract-case", "nothing"], ["--contract-clause", "KV-99"], ["--contract-repeat", "0"]])
def test_a_choice_that_fits_nothing_is_an_error(pytester: pytest.Pytester, choice: list[str]) -> None:
    found = run_cases(pytester, "good", *choice)

    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines([f"ERROR: *{choice[1] if choice[1] != '0' else choice[0]}*"])


def test_one_run_of_several_that_fails_is_a_failure(pytester: pytest.Pytester) -> None:
    found = run_cases(pytester, "flaky good", "--contract-repeat", "4")

    found.assert_outcomes(passed=6, failed=2)
    flaky = result(pytester, "flaky")
    assert (flaky.outcome, flaky.runs, flaky.passed) == (Outcome.FAILED, 4, 2)
    assert flaky.reason.startswith("2 of 4 runs passed: ")
    found.stdout.fnmatch_lines(["    test_flaky: 2 of 4 passed"])
    assert result(pytester, "good").passed == 4


def test_a_seed_repeats_what_was_left_to_chance(pytester: pytest.Pytester) -> None:
    """Without one each run is another, and says which it was."""
    first = run_cases(pytester, "chance").stdout.str()
    seed = re.findall(r"contract, profile full, seed (\d+)", first)[0]
    chosen = re.findall(r"chosen: [\d.]+", first)[0]

    assert chosen in run_cases(pytester, "chance", "--contract-seed", seed).stdout.str()
    assert chosen not in run_cases(pytester, "chance").stdout.str()


if find_spec("xdist") is not None:

    def test_the_report_is_the_same_over_several_processes(pytester: pytest.Pytester) -> None:
        """With one seed for all of them."""
        found = []
        for processes in ("0", "2"):
            run_cases(pytester, "good bad idle timed chance", "--contract-seed", "3", "-n", processes)
            made = report(pytester)
            results = {
                (each.test, each.outcome, each.reason.partition("\n")[0], tuple(each.faults.items())) for each in made.results
            }
            found.append((results, made.extent, made.limits, made.abilities, made.recoveries))

        assert found[0] == found[1]
