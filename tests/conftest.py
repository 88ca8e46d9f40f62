"""What all tests share: figures are reported beside their bounds, and a server of the checks skips nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.figures import Claim

_CLAIM = "claim"

REGISTRY = Path(__file__).parents[1] / "examples" / "oui" / "registry.py"
PATIENCE = 60.0

# How long an example takes is a matter of what else the machine does; each test has its time-out.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


@pytest.fixture
def claim(request: pytest.FixtureRequest) -> Claim:
    """Say what was measured and what the project promises: ``claim("peak of load", measure, at_most=200, unit="MB")``."""
    properties: list[tuple[str, object]] = request.node.user_properties
    return Claim(lambda line: properties.append((_CLAIM, line)))


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real input: the IEEE registry of network cards, as JSON Lines."""
    path = tmp_path_factory.mktemp("oui") / "oui.jsonl"
    with path.open("wb") as file:
        subprocess.run([sys.executable, REGISTRY], stdout=file, check=True, timeout=PATIENCE)
    return path


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures; under xdist they were measured in other processes, and come with the reports."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    lines = [
        str(line)
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, line in report.user_properties
        if name == _CLAIM
    ]
    if lines:
        terminalreporter.section("claims: measured / bound")
        for line in lines:
            terminalreporter.write_line(line)


class Together(LoadScopeScheduling):  # type: ignore[misc]
    """Runs the tests of a class in one process, since each that had one of them would start a server for it.

    To mypy its base is anything: xdist has no types.
    """

    def _split_scope(self, nodeid: str) -> str:
        scope: str = super()._split_scope(nodeid)
        return scope if "::" in scope else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    """Say which process runs which test."""
    return Together(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what looks at all cases where not all levels are run.

    And in a process of xdist, since the main process does it at the end.
    """
    if hasattr(config, "workerinput") or not _has_all_levels(config):
        items[:] = [item for item in items if item.get_closest_marker("after_all_cases") is None]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where tests were skipped, if CI is set, and where the processes of xdist together left a clause unproven."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    problems = []
    if os.environ.get("CI") and reporter.stats.get("skipped"):
        problems.append(f"{len(reporter.stats['skipped'])} skipped: in CI that is a failure")
    if session.config.getoption("numprocesses", None):
        problems += [f"clause {clause} is not proven by any case that passed" for clause in _unproven(session.config)]
    if problems:
        reporter.write_line("")
        for problem in problems:
            reporter.write_line(problem, red=True)
        if session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _unproven(config: pytest.Config) -> list[str]:
    """Return the clauses that no case has proven, if all cases were run."""
    from tests.contract.test_coverage import BACKENDS, cases

    contract = config.pluginmanager.get_plugin("dfbackends-contract")
    if contract is None or not _has_all_levels(config):
        return []
    wanted = {(backend.harness.name, case) for backend in BACKENDS for case in cases()}
    unproven: list[str] = contract.tally.unproven() if contract.tally.has_all(wanted) else []
    return unproven


def _has_all_levels(config: pytest.Config) -> bool:
    profile: str = config.getoption("contract_profile")
    return profile == "full"
