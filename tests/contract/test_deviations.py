"""Known deviations: their file, and what becomes of them in a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract_tests.report.conformance import Deviation, Outcome
from contract_tests.run.deviations import Deviations, WrongDeviations, expired
from tests.contract.authors import deviations, result, run_cases

pytest_plugins = ["pytester"]

GOOD = """
[[deviation]]
id = "KV-10"
kind = "limit of the store"
reason = "it folds the case of keys"
until = 2999-06-30
[[deviation]]
id = "test_a"
kind = "fault"
reason = "later"
until = 2000-01-01
[[deviation]]
id = "test_a[cut]"
kind = "fault"
reason = "sooner"
until = 2999-01-01
"""
ROW = '[[deviation]]\nid = "KV-01"\nkind = "k"\nreason = "r"\n'


def read(folder: Path, text: str) -> Deviations:
    path = folder / "known.toml"
    path.write_text(text)
    return Deviations.read(path)


def test_the_closest_goes_first(tmp_path: Path) -> None:
    known = read(tmp_path, GOOD)

    clause = Deviation("KV-10", "limit of the store", "it folds the case of keys", "2999-06-30")
    assert known.of("test_b", "KV-10") == clause
    assert [getattr(known.of(case, "KV-10"), "reason", None) for case in ("test_a[cut]", "test_a[late]", "test_a")] == [
        "sooner",
        "later",
        "later",
    ]
    assert known.of("test_b", "KV-11") is None


def test_one_expires_after_its_last_day(tmp_path: Path) -> None:
    known = read(tmp_path, GOOD).known

    assert {name: expired(deviation) for name, deviation in known.items()} == {
        "KV-10": False,
        "test_a": True,
        "test_a[cut]": False,
    }


def test_ids_are_clauses_or_cases(tmp_path: Path) -> None:
    known = read(tmp_path, GOOD)

    known.check(["test_a[cut]", "test_b"])
    with pytest.raises(WrongDeviations, match=r"neither a clause nor a case: test_a, test_a\[cut\]$"):
        known.check(["test_b"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ROW, "KV-01: until must be a date"),
        (ROW + 'until = "2999-01-01"', "KV-01: until must be a date"),
        (ROW + "until = 2999-01-01T00:00:00", "KV-01: until must be a date"),
        (ROW.replace('"r"', '""') + "until = 2999-01-01", "KV-01: reason must be a text"),
        (ROW.replace("id", "name") + "until = 2999-01-01", "id must be a text"),
        (ROW + "until = 2999-01-01\nsince = 1", "KV-01: unknown: since"),
        (2 * (ROW + "until = 2999-01-01\n"), "these ids come twice: KV-01"),
        ('[deviation]\nid = "KV-01"', "only tables"),
        ("deviation = [1]", "a deviation is a table"),
        ("[other]", "only tables"),
        ("[[", "known.toml: "),
    ],
)
def test_a_file_that_is_wrong_says_what_is(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(WrongDeviations, match=r"^.*known\.toml: ") as caught:
        read(tmp_path, text)

    assert said in str(caught.value)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(WrongDeviations, match="No such file"):
        Deviations.read(tmp_path / "known.toml")


def test_a_known_deviation_is_run_and_is_no_failure(pytester: pytest.Pytester) -> None:
    for one in ("test_bad", "KV-02"):
        found = run_cases(pytester, "good bad", deviations(pytester, one))

        found.assert_outcomes(passed=1, xfailed=1)
        assert found.ret == pytest.ExitCode.OK
        bad = result(pytester, "bad")
        assert bad.outcome is Outcome.DEVIATION
        assert bad.deviation is not None
        assert (bad.deviation.id, bad.deviation.reason, bad.deviation.until) == (one, "known for long", "2999-01-01")


def test_a_deviation_that_passes_fails(pytester: pytest.Pytester) -> None:
    """Of a clause all cases must pass for that."""
    for one in ("test_good", "KV-01"):
        assert run_cases(pytester, "good", deviations(pytester, one)).ret == pytest.ExitCode.TESTS_FAILED
        assert result(pytester, "good").outcome is Outcome.FAILED
        assert "known for long" in result(pytester, "good").reason

    assert run_cases(pytester, "bad other", deviations(pytester, "KV-02")).ret == pytest.ExitCode.OK
    assert result(pytester, "other").outcome is Outcome.PASSED


def test_a_deviation_that_has_expired_fails(pytester: pytest.Pytester) -> None:
    """Whether its case passes or not."""
    found = run_cases(pytester, "good bad", deviations(pytester, "KV-01", "test_bad", until="2026-01-01"))

    found.assert_outcomes(failed=2)
    assert "the deviation KV-01 has expired, on 2026-01-01: known for long" in result(pytester, "good").reason
    assert result(pytester, "bad").outcome is Outcome.FAILED


def test_a_file_of_deviations_that_is_wrong_is_an_error(pytester: pytest.Pytester) -> None:
    found = run_cases(pytester, "good", deviations(pytester, "test_that_is_not_there"))

    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines(["ERROR: known.toml: neither a clause nor a case: test_that_is_not_there"])
