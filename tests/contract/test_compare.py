"""The command compare: reports of verify beside each other."""

from __future__ import annotations

from pathlib import Path

from tests.cli.running import run
from tests.report.reports import report


def test_reports_are_put_beside_each_other(tmp_path: Path) -> None:
    for name in ("one", "two"):
        report(backend=name).write(tmp_path / f"{name}.json")
    both = [tmp_path / "one.json", tmp_path / "two.json"]

    printed = run("compare", *both)
    written = run("compare", *both, "--html", tmp_path / "page.html", "--markdown", tmp_path / "tables.md")

    assert (printed.code, written.code, written.out) == (0, 0, "")
    assert "|  | one | two |" in printed.out
    assert (tmp_path / "tables.md").read_text() == printed.out.removesuffix("\n")
    assert "<!doctype html>" in (tmp_path / "page.html").read_text().lower()


def test_what_is_no_report_is_told(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")

    for path in (tmp_path / "other.json", tmp_path / "missing.json"):
        result = run("compare", path)
        assert result.code == 2
        assert str(path) in result.err
