"""The files of a report."""

from __future__ import annotations

from pathlib import Path

from contract_tests.report.conformance import Conformance
from contract_tests.report.page import page

DATA = "conformance.json"
PAGE = "index.html"


def write(report: Conformance, folder: Path) -> Path:
    """Write the data of a report and its page into a folder, which is made if need be, and return the page.

    :raises OSError: they can not be written
    """
    folder.mkdir(parents=True, exist_ok=True)
    report.write(folder / DATA)
    written = folder / PAGE
    written.write_text(page(report), encoding="utf-8")
    return written
