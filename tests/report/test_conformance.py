"""A report is a file that says the same when it is read again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from contract_tests.capability import Capability
from contract_tests.clauses import clauses
from contract_tests.fault import Fault
from contract_tests.report.conformance import FORMAT, Conformance, NotAReport, Outcome, Run, Spread
from contract_tests.report.gathering import Gathering
from tests.report.reports import DEVIATION, report, result


def test_a_report_reads_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "conformance.json"
    whole = report(
        result("LOSS-07", Outcome.DEVIATION, deviation=DEVIATION, faults={Fault.GONE: 2}),
        result("KV-01", Outcome.FAILED, "\N{SNOWMAN} </script> \x00"),
    )

    whole.write(file)

    assert Conformance.read(file) == whole
    assert json.loads(file.read_text())["format"] == FORMAT


def test_a_report_is_the_same_file_each_time_whatever_the_order_in_a_set(tmp_path: Path) -> None:
    file = tmp_path / "conformance.json"
    demanding = replace(clauses()["TX-01"], needs=frozenset(Capability))

    report(result("TX-01"), without=clauses(), clauses=(demanding,)).write(file)

    [clause] = json.loads(file.read_text())["clauses"]
    assert clause["needs"] == sorted(capability.value for capability in Capability)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not a report"),
        (b"<html>", "not a report"),
        (b"\xff\xfe", "not a report"),
        (b"[1]", "not a report"),
        (b"{}", "not a report"),
        (b'{"format": 99}', "format 99; this suite reads format 1"),
        (b'{"format": "1"}', "format '1'"),
        (b'{"format": 1}', "missing required field `backend`"),
        (b'{"format": 1, "backend": 5}', "got `int` - at `$.backend`"),
    ],
)
def test_what_is_no_report_is_named_with_the_reason(content: bytes, complaint: str, tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_bytes(content)

    with pytest.raises(NotAReport) as raised:
        Conformance.read(file)

    assert str(file) in str(raised.value)
    assert complaint in str(raised.value)


def test_an_outcome_that_does_not_exist_is_refused_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "conformance.json"
    report().write(file)
    file.write_text(file.read_text().replace('"outcome": "passed"', '"outcome": "fine"', 1))

    with pytest.raises(NotAReport, match=r"'fine' - at `\$\.results\[0\]\.outcome`"):
        Conformance.read(file)


def test_a_report_is_measured_by_the_clauses_in_it(tmp_path: Path) -> None:
    file = tmp_path / "conformance.json"
    older = replace(clauses()["KV-01"], level="Verified", promise="as an older suite had it")
    report(result("KV-01"), without=clauses(), clauses=(older,)).write(file)

    assert Conformance.read(file).clauses == (older,)


def test_a_result_of_a_clause_that_the_report_does_not_have_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "conformance.json"
    report().write(file)
    file.write_text(file.read_text().replace('"clause": "KV-01"', '"clause": "KV-99"', 1))

    with pytest.raises(NotAReport, match="KV-99"):
        Conformance.read(file)


def test_the_worst_of_several_runs_says_what_became_of_a_case() -> None:
    gathering = Gathering()

    gathering.add(Run("test_a", "KV-01", Outcome.PASSED, seconds=1.0, faults={Fault.CUT: 1}))
    gathering.add(Run("test_a", "KV-01", Outcome.FAILED, "wrong", seconds=2.0, faults={Fault.CUT: 2, Fault.FULL: 1}))
    gathering.add(Run("test_a", "KV-01", Outcome.PASSED, seconds=1.0))

    [one] = gathering.results
    assert (one.outcome, one.reason, one.seconds) == (Outcome.FAILED, "wrong", 4.0)
    assert (one.runs, one.passed, one.faults) == (3, 2, {Fault.CUT: 3, Fault.FULL: 1})


def test_a_case_that_did_not_run_has_no_runs() -> None:
    gathering = Gathering()

    gathering.add(Run("test_a", "KV-01", Outcome.NOT_RUN, "the harness injects no faults"))

    [one] = gathering.results
    assert (one.runs, one.passed) == (0, 0)


def test_results_come_by_clause_and_name_whatever_the_order_of_the_runs() -> None:
    gathering = Gathering()

    for test, clause in [("test_b", "KV-02"), ("test_c", "KV-01"), ("test_a", "KV-02")]:
        gathering.add(Run(test, clause, Outcome.PASSED))

    assert [one.test for one in gathering.results] == ["test_c", "test_a", "test_b"]


def test_a_spread_names_the_ends_and_the_middle() -> None:
    assert Spread.of([3.0, 1.0, 2.0, 10.0]) == Spread(4, 1.0, 2.5, 10.0)


def test_there_is_no_spread_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        Spread.of([])
