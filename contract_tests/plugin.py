"""The plugin of pytest: which cases apply to which backend, and what became of them. Without cases it does nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from contract_tests.counts import Counts
    from contract_tests.harness import Harness
    from contract_tests.tally import Tally

pytest.register_assert_rewrite("contract_tests.cases", "contract_tests.inbox", "contract_tests.processes")

_NAME = "dfbackends-contract"


class Running:
    """The harnesses that have been started; each is stopped at the end of the run."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._started: dict[int, Harness] = {}

    def start(self, harness: Harness) -> None:
        """Start a harness, once."""
        if id(harness) not in self._started:
            harness.start(self._folders.mktemp(harness.name))
            self._started[id(harness)] = harness

    def stop(self) -> None:
        """Stop all."""
        for harness in self._started.values():
            harness.stop()


@pytest.fixture(scope="session")
def contract_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The harnesses that this run has started."""
    running = Running(tmp_path_factory)
    yield running
    running.stop()


@pytest.fixture
def counts(pytestconfig: pytest.Config) -> Counts:
    """The figures of the profile."""
    from contract_tests.counts import PROFILES

    return PROFILES[pytestconfig.getoption("contract_profile")]


@pytest.fixture
def contract_tally(pytestconfig: pytest.Config) -> Tally:
    """What became of the cases so far."""
    contract: Contract | None = pytestconfig.pluginmanager.get_plugin(_NAME)
    assert contract is not None
    return contract.tally


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the choice of the profile."""
    parser.getgroup("dfbackends contract").addoption(
        "--contract-profile",
        choices=("full", "quick"),
        default="full",
        help="the figures of the clauses, or reduced ones (default: %(default)s)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks."""
    config.addinivalue_line("markers", "clause(case): a case of the contract of dfbackends, see contract_tests.marks")
    config.addinivalue_line("markers", "after_all_cases: runs behind all cases of the contract")
    config.pluginmanager.register(Contract(config), _NAME)


class Contract:
    """Picks the cases that apply, and counts what becomes of them."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @property
    def tally(self) -> Tally:
        """What became of the cases."""
        if not hasattr(self, "_tally"):
            from contract_tests.tally import Tally

            self._tally = Tally()
        return self._tally

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what the backend can not have, and give each case its time-out."""
        others = [item for item in items if item.get_closest_marker("clause") and not self._applies(item)]
        gone = set(others)
        items[:] = sorted(
            (item for item in items if item not in gone),
            key=lambda item: item.get_closest_marker("after_all_cases") is not None,
        )
        if others:
            self._config.hook.pytest_deselected(items=others)

    def _applies(self, item: pytest.Item) -> bool:
        from contract_tests.tally import Verdict
        from contract_tests.waiting import FACTOR

        mark = item.get_closest_marker("clause")
        harness: Harness = item.cls.harness  # type: ignore[attr-defined]
        assert mark is not None
        case = mark.args[0].of(_parameters(item))
        reason = harness.lacking(case)
        if reason is not None:
            self.tally.add(item.nodeid, Verdict(harness.name, case.clause, "not applicable", reason))
            return False
        item.add_marker(pytest.mark.timeout(case.timeout * FACTOR))
        item.user_properties.append((_NAME, f"{harness.name} {case.clause}"))
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a report; under xdist it comes from a worker."""
        for name, value in report.user_properties:
            if name == _NAME and (report.when == "call" or not report.passed):
                from contract_tests.tally import Verdict

                backend, clause = str(value).split()
                self.tally.add(report.nodeid, Verdict(backend, clause, report.outcome))

    def pytest_sessionfinish(self) -> None:
        """Tell the main process what did not apply, which it can not see under xdist."""
        output: dict[str, Any] | None = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[_NAME] = [[test, *verdict] for test, verdict in self.tally.verdicts.items() if verdict.reason]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Hear what did not apply."""
        from contract_tests.tally import Verdict

        for test, *verdict in getattr(node, "workeroutput", {}).get(_NAME, ()):
            self.tally.add(test, Verdict(*verdict))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what became of the cases, backend by backend."""
        lines = list(self.tally.lines())
        if lines:
            profile = self._config.getoption("contract_profile")
            terminalreporter.section(f"contract, profile {profile}")
            terminalreporter.line("\n".join(lines))


def _parameters(item: pytest.Item) -> dict[str, Any]:
    found = getattr(item, "callspec", None)
    return found.params if found is not None else {}
