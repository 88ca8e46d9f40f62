"""Several reports beside each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from contract_tests.capability import Capability
from contract_tests.clauses import Clause
from contract_tests.report.conformance import Ability, Conformance, Outcome, Tried
from contract_tests.report.matrix import Row
from contract_tests.report.rendering import mark, render, word
from contract_tests.report.verdict import Verdict, verdict

_MARKUP = re.compile(r"[\\`*_\[\]<>|]")


@dataclass(frozen=True)
class Column:
    """A report and what it claims."""

    report: Conformance
    verdict: Verdict

    @property
    def level(self) -> str:
        """The level reached, in words."""
        if self.verdict.invalid:
            return "invalid run"
        return self.verdict.reached or "none"

    def ability(self, capability: Capability) -> str:
        """Whether the backend has a capability, in words."""
        return next((_ability(one) for one in self.report.abilities if one.capability is capability), "not recorded")


@dataclass(frozen=True)
class Comparison:
    """Reports in columns; for each clause that any of them has a row, with a cell for each report."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Clause, tuple[Row, ...]], ...]


def compare(reports: Sequence[Conformance]) -> Comparison:
    """Return reports beside each other, in the order given. Where their clauses differ, those of the latest run count."""
    clauses: dict[str, Clause] = {}
    for report in sorted(reports, key=lambda report: report.place.date):
        clauses.update({clause.id: clause for clause in report.clauses})
    return Comparison(
        tuple(Column(report, verdict(report)) for report in reports),
        tuple((clause, tuple(Row(clause, report.of(clause.id)) for report in reports)) for clause in clauses.values()),
    )


def page(comparison: Comparison) -> str:
    """Return one HTML document that loads nothing else."""
    return render("comparison.html", comparison=comparison, capabilities=tuple(Capability))


def markdown(comparison: Comparison) -> str:
    """Return two tables, of the backends and of the clauses, and what the signs mean."""
    columns = comparison.columns
    about = [
        ("level", *(column.level for column in columns)),
        ("driver", *(f"{column.report.driver.name} {column.report.driver.version}" for column in columns)),
        ("server", *(column.report.place.server or "none" for column in columns)),
        ("profile", *(column.report.extent.profile for column in columns)),
        ("date", *(f"{column.report.place.date:%Y-%m-%d}" for column in columns)),
        *((capability.value, *(column.ability(capability) for column in columns)) for capability in Capability),
    ]
    names = [column.report.backend for column in columns]
    cells = [(clause.id, clause.level, clause.promise, *(sign(row) for row in rows)) for clause, rows in comparison.rows]
    signs = [*((mark(outcome), word(outcome)) for outcome in (*Outcome, None)), ("(✓)", "passed, as far as it could run")]
    return "\n".join(
        [
            *_table(["", *names], about),
            "",
            *_table(["Clause", "Level", "Promise", *names], cells),
            "",
            ", ".join(f"{one} {meaning}" for one, meaning in signs) + ".",
            "",
        ]
    )


def sign(row: Row) -> str:
    """Return the sign for what became of a clause."""
    return f"({mark(row.outcome)})" if row.partly else mark(row.outcome)


def _ability(ability: Ability) -> str:
    if ability.verified is Tried.NO:
        return "declared, not true" if ability.declared else "not declared, but there"
    said = "yes" if ability.declared else "no"
    return said if ability.verified is Tried.YES else f"{said}, not tried"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _line(head)
    yield "|" + " --- |" * len(head)
    yield from map(_line, rows)


def _line(cells: Sequence[str]) -> str:
    # What stands in a cell is text: it ends neither the cell nor the row, and none of it is markup.
    return "| " + " | ".join(_MARKUP.sub(r"\\\g<0>", " ".join(cell.split())) for cell in cells) + " |"
