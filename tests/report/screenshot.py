"""The picture of a report for the documentation: ``python -m tests.report.screenshot index.html docs/images/report.png``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.report.browser import chromium, look


def take(page: Path, picture: Path) -> None:
    """Write a picture of the upper part of a page."""
    with tempfile.TemporaryDirectory() as profile, chromium(Path(profile)) as browser:
        look(browser)
        browser.get(page.resolve().as_uri())
        browser.save_screenshot(str(picture))


if __name__ == "__main__":
    take(*map(Path, sys.argv[1:]))
