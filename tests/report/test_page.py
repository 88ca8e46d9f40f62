"""The page of a report says all that the data say, and runs nothing that is in them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from contract_tests.clauses import clauses
from contract_tests.fault import Fault
from contract_tests.report.conformance import Conformance, Outcome, Recovery, Result, Spread
from contract_tests.report.matrix import Row
from contract_tests.report.page import page
from contract_tests.report.rendering import duration
from contract_tests.report.survival import Survival, survivals
from contract_tests.report.writer import write
from tests.report.reports import DEVIATION, report, result

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"


def text(made: Conformance) -> str:
    """What a page says, without its tags."""
    return " ".join(re.sub(r"<[^>]*>", " ", page(made).partition("<body>")[2]).split())


def test_writing_leaves_the_data_and_the_page_in_a_new_folder(tmp_path: Path) -> None:
    folder = tmp_path / "of" / "a run"

    written = write(report(), folder)

    assert written.read_text() == page(report())
    assert Conformance.read(folder / "conformance.json") == report()
    assert {path.name for path in folder.iterdir()} == {"conformance.json", "index.html"}


def test_markup_in_the_data_is_text() -> None:
    made = report(result("KV-01", Outcome.FAILED, EVIL, test=EVIL), backend=EVIL)
    made = replace(made, place=replace(made.place, server=EVIL), driver=replace(made.driver, version=EVIL))

    written = page(made)

    assert written.count("<script") == 1
    assert "<img" not in written
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in written


def test_a_page_names_nothing_to_load() -> None:
    assert not re.search(r"https?:|src=|@import|url\(|<link (?!rel=\"icon\" href=\"data:,\")", page(report()))


def test_what_did_not_pass_is_there_with_its_reason_and_how_to_run_it_again() -> None:
    for outcome in Outcome:
        said = text(report(result("ERR-06", outcome, "the reason of it", test="test_x[1]")))

        assert "test_x[1]" in said
        if outcome is not Outcome.PASSED:
            assert "the reason of it" in said
            assert "Again: dfbackends verify acme --case &#39;test_x[1]&#39;" in said


def test_a_deviation_is_there_with_what_is_known_of_it() -> None:
    said = text(report(result("LOSS-07", Outcome.DEVIATION, "forgets", deviation=DEVIATION)))

    assert "Known as acme-17 (limit of the store), until 2.0: the store forgets positions after an hour" in said


def test_a_case_that_passed_only_sometimes_says_how_often() -> None:
    often = replace(result("ERR-07", Outcome.FAILED), runs=10, passed=9)

    assert "9 of 10 runs passed" in text(report(often))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (report(), "Reaches Verified"),
        (report(result("CAS-03", Outcome.FAILED)), "Reaches Core"),
        (report(result("KV-01", Outcome.FAILED)), "Reaches no level"),
        (report(result("KV-01", Outcome.INVALID)), "The figures of this run mean nothing"),
        (replace(report(), extent=replace(report().extent, partial="-k keys")), "A run of a part of the cases"),
    ],
)
def test_the_first_words_are_the_verdict(made: Conformance, said: str) -> None:
    assert said in text(made)[:200]


def test_a_report_of_nothing_is_a_page_all_the_same() -> None:
    said = text(report(without=clauses(), abilities=(), limits=(), recoveries=(), speeds=()))

    assert "Reaches no level" in said
    assert "No fault was injected in this run." in said
    assert "No speed was measured in this run." in said


def test_versions_extent_and_measurements_are_there() -> None:
    said = text(report())

    for words in (
        "dfbackends-acme 1.4.2",
        "dfbackends-contract-tests 0.1.0",
        "acme 7.2.4, one node",
        "3.11.2",
        "2026-11-26 03:07:00 UTC",
        "20261126",
        "batches 1 / 99 / 101 / 1001 / 10001",
        "20 ms (10 ms to 50 ms, 3 times)",
        "7.5\N{MULTIPLICATION SIGN}",
        "512 bytes",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0, "0 ms"), (0.0204, "20 ms"), (0.9999, "1.0 s"), (4.26, "4.3 s"), (9.96, "10 s"), (183.2, "183 s")],
)
def test_a_duration_is_said_with_the_figures_that_matter(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_faults_are_counted_over_the_cases_that_they_struck() -> None:
    made = report(
        result("LOSS-01", faults={Fault.DOWN: 3}),
        result("LOSS-02", Outcome.FAILED, faults={Fault.DOWN: 1, Fault.GONE: 1}),
        recoveries=(Recovery(Fault.DEAF, None, Spread.of([2.0])),),
    )

    assert survivals(made) == [
        Survival(Fault.DOWN, injected=4, cases=2, passed=1, detection=None, recovery=None),
        Survival(Fault.GONE, injected=1, cases=1, passed=0, detection=None, recovery=None),
        Survival(Fault.DEAF, injected=0, cases=0, passed=0, detection=None, recovery=Spread(1, 2.0, 2.0, 2.0)),
    ]


@pytest.mark.parametrize(
    ("found", "outcome", "partly"),
    [
        ([], None, False),
        ([Outcome.NOT_APPLICABLE], Outcome.NOT_APPLICABLE, False),
        ([Outcome.NOT_APPLICABLE, Outcome.NOT_RUN], Outcome.NOT_RUN, False),
        ([Outcome.NOT_RUN, Outcome.PASSED], Outcome.PASSED, True),
        ([Outcome.PASSED, Outcome.NOT_APPLICABLE], Outcome.PASSED, False),
        ([Outcome.PASSED, Outcome.DEVIATION], Outcome.DEVIATION, False),
        ([Outcome.DEVIATION, Outcome.FAILED], Outcome.FAILED, False),
        ([Outcome.FAILED, Outcome.INVALID, Outcome.PASSED], Outcome.INVALID, False),
    ],
)
def test_a_clause_is_as_good_as_the_worst_of_what_ran(found: list[Outcome], outcome: Outcome | None, partly: bool) -> None:
    results: tuple[Result, ...] = tuple(result("KV-01", one) for one in found)
    row = Row(clauses()["KV-01"], results)

    assert (row.outcome, row.partly) == (outcome, partly)
