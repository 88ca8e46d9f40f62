"""Reports beside each other, as a page and as tables for the documentation."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from contract_tests.capability import Capability
from contract_tests.clauses import clauses
from contract_tests.report.comparison import compare, markdown, page
from contract_tests.report.conformance import Ability, Conformance, Outcome, Tried
from tests.report.reports import report, result


def two() -> tuple[Conformance, Conformance]:
    """A backend that keeps everything, and one that does not."""
    broken = report(
        result("LOSS-06", Outcome.FAILED),
        result("ERR-06", test="test_a"),
        result("ERR-06", Outcome.NOT_RUN, test="test_b"),
        result("LIFE-05", Outcome.NOT_APPLICABLE),
        without=["MIR-01"],
        backend="broken",
        abilities=(Ability(Capability.JOINT, True, Tried.NO), Ability(Capability.SHARED, False, Tried.YES)),
    )
    return report(), broken


def row(made: str, start: str) -> list[str]:
    """The cells of a line of a table."""
    [line] = [line for line in made.splitlines() if line.startswith(f"| {start} |")]
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_a_row_for_each_clause_has_a_sign_for_each_backend() -> None:
    made = markdown(compare(two()))

    assert row(made, "Clause")[-2:] == ["acme", "broken"]
    assert row(made, "KV-01")[-2:] == ["✓", "✓"]
    assert row(made, "LOSS-06")[-2:] == ["✓", "✗"]
    assert row(made, "ERR-06")[-2:] == ["✓", "(✓)"]
    assert row(made, "LIFE-05")[-2:] == ["✓", "\N{EN DASH}"]
    assert row(made, "MIR-01")[-2:] == ["✓", "·"]


def test_levels_and_capabilities_are_compared() -> None:
    made = markdown(compare(two()))

    assert row(made, "level") == ["level", "Verified", "none"]
    assert row(made, "joint") == ["joint", "yes", "declared, not true"]
    assert row(made, "shared") == ["shared", "yes", "no"]
    assert row(made, "durable") == ["durable", "yes", "not recorded"]


def test_every_sign_is_explained() -> None:
    legend = markdown(compare(two())).splitlines()[-1]

    for outcome in Outcome:
        assert outcome.value in legend


def test_text_in_a_table_is_no_markup() -> None:
    odd = report()
    odd = replace(odd, place=replace(odd.place, server="a | b\nc <b>_d_</b> `e`"))

    made = markdown(compare([odd]))

    assert r"| server | a \| b c \<b\>\_d\_\</b\> \`e\` |" in made


def test_where_clauses_differ_the_latest_run_counts() -> None:
    older, newer = two()
    older = replace(older, clauses=tuple(replace(clause, promise="as it was") for clause in older.clauses))
    newer = replace(newer, place=replace(newer.place, date=older.place.date + timedelta(days=1)))

    assert compare([older, newer]).rows[0][0].promise == clauses()["KV-01"].promise
    assert compare([newer, older]).rows[0][0].promise == clauses()["KV-01"].promise


def test_a_clause_that_one_report_does_not_have_has_no_case_there() -> None:
    whole, _ = two()
    part = report(result("KV-01"), without=clauses(), clauses=(clauses()["KV-01"],))

    made = markdown(compare([part, whole]))

    assert row(made, "KV-02")[-2:] == ["·", "✓"]


def test_the_page_has_all_backends_and_no_markup_of_theirs() -> None:
    one, other = two()

    made = page(compare([one, replace(other, backend="<b>bold</b>")]))

    assert "acme" in made
    assert "&lt;b&gt;bold&lt;/b&gt;" in made
    assert "<b>" not in made
