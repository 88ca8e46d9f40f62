"""What all tests share: figures are reported beside their bounds, and a server of the checks skips nothing."""

from __future__ import annotations

import os

import pytest

from tests.figures import Claim

_reported: list[str] = []


@pytest.fixture
def claim() -> Claim:
    """Say what was measured and what the project promises: ``claim("peak of load", measure, at_most=200, unit="MB")``."""
    return Claim(_reported.append)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _reported:
        terminalreporter.section("claims: measured / bound")
        for line in _reported:
            terminalreporter.write_line(line)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("")
        reporter.write_line(f"{len(reporter.stats['skipped'])} skipped: in CI that is a failure", red=True)
        if session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
