"""The cases in a run of pytest: chosen, timed, watched over, counted."""

from __future__ import annotations

from collections.abc import Generator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from contract_tests.report.tally import Tally
    from contract_tests.run.deviations import Deviations
    from contract_tests.run.telling import Telling
    from contract_tests.run.watchdog import Watchdog

NAME = "dfbackends-contract"

# Nothing of the suite is imported until there is a case: the plugin is there in each run where this distribution is installed.


class Contract:
    """A plugin of pytest. Under xdist there is one in each process; those of the workers tell that of the main process."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._option = config.option
        self._told = False

    @cached_property
    def tally(self) -> Tally:
        """What became of the cases."""
        from contract_tests.report.tally import Tally

        return Tally()

    @cached_property
    def _deviations(self) -> Deviations:
        from contract_tests.run.deviations import Deviations, WrongDeviations

        path = self._option.contract_deviations
        try:
            return Deviations.read(Path(path)) if path else Deviations()
        except WrongDeviations as error:
            raise pytest.UsageError(str(error)) from None

    @cached_property
    def _telling(self) -> Telling:
        from contract_tests.run.telling import Telling

        option = self._option
        return Telling(profile=option.contract_profile, seed=option.contract_seed, command=option.contract_command)

    @cached_property
    def _watchdog(self) -> Watchdog:
        from contract_tests.run.watchdog import Watchdog

        return Watchdog()

    def check(self) -> None:
        """Return if the options can be used.

        :raises pytest.UsageError: they can not
        """
        if self._option.contract_repeat < 1:
            raise pytest.UsageError("--contract-repeat takes a number from 1 on")
        if self._option.contract_deviations:
            assert self._deviations is not None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None, None, None]:
        """Leave out what is not to run, and give each case its time-out."""
        found = [item for item in items if item.get_closest_marker("clause") is not None]
        yield
        if found:
            self._choose(items, found)

    def _choose(self, items: list[pytest.Item], found: list[pytest.Item]) -> None:
        from contract_tests.run.deviations import WrongDeviations, expired
        from contract_tests.run.selection import Options, Selection, bare, case_of
        from contract_tests.waiting import FACTOR

        option = self._option
        options = Options(option.contract_profile, option.contract_clause, option.contract_case)
        try:
            kept = set(Selection(options, self._deviations, self.tally).kept(items, found))
        except WrongDeviations as error:
            raise pytest.UsageError(str(error)) from None
        left_out = [item for item in items if item not in kept]
        items[:] = sorted(
            (item for item in items if item in kept), key=lambda item: item.get_closest_marker("after_all_cases") is not None
        )
        for item in items:
            if item.get_closest_marker("clause") is None:
                continue
            case = case_of(item)
            item.add_marker(pytest.mark.timeout(case.timeout * FACTOR))
            item.user_properties.append(("clause", case.clause))
            known = self._deviations.of(bare(item.name), case.clause)
            if known is not None and not expired(known):
                # Of a clause some cases may pass.
                item.add_marker(pytest.mark.xfail(reason=known.reason, strict=known.id != case.clause))
        if left_out:
            self._config.hook.pytest_deselected(items=left_out)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Watch over a case."""
        if item.get_closest_marker("clause") is None:
            return (yield)
        from contract_tests.run.selection import case_of
        from contract_tests.waiting import FACTOR

        with self._watchdog.over(case_of(item).timeout * FACTOR):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Let the report of a case say what it has found out."""
        report = yield
        if item.get_closest_marker("clause") is not None:
            from contract_tests.run.selection import bare, case_of

            self._telling.add(item, call, report, self._deviations.of(bare(item.name), case_of(item).clause))
            if hasattr(self._config, "workerinput") and not self._told:
                self._told = True
                report.chosen = self.tally.told()  # type: ignore[attr-defined]
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a report; under xdist it comes from a worker."""
        if hasattr(report, "chosen"):
            self.tally.hear(report.chosen)
        if hasattr(report, "contract"):
            chosen = self.tally.chosen[report.nodeid]
            self.tally.phase(report.nodeid, chosen.backend, report.contract, report.duration)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell the main process what was chosen; or write the report there."""
        output: dict[str, Any] | None = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[NAME] = self.tally.told()
        elif "tally" in vars(self) and self.tally.chosen:
            self._finish(session)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Hear what a worker has chosen, if it had nothing to run."""
        told = getattr(node, "workeroutput", {}).get(NAME)
        if told:
            self.tally.hear(told)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what became of the cases, backend by backend."""
        if "tally" not in vars(self) or not self.tally.chosen:
            return
        option = self._option
        terminalreporter.section(f"contract, profile {option.contract_profile}, seed {option.contract_seed}")
        terminalreporter.line("\n".join(self._lines()))

    def pytest_unconfigure(self) -> None:
        """Give up what was opened."""
        if "_watchdog" in vars(self):
            self._watchdog.close()

    def _lines(self) -> list[str]:
        from contract_tests.counts import PROFILES

        lines = list(self.tally.lines())
        if self._option.contract_profile == "quick":
            figures = PROFILES["quick"]._asdict()
            lines.append("figures: " + ", ".join(f"{name} {value}" for name, value in figures.items()))
        if self._option.contract_report:
            lines.append(f"report: {self._option.contract_report}")
        return lines

    def _finish(self, session: pytest.Session) -> None:
        from contract_tests.run.findings import Findings

        option = self._option
        findings = Findings(self.tally, self._deviations, profile=option.contract_profile, seed=option.contract_seed)
        if findings.disappointed() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if option.contract_report:
            findings.write(Path(option.contract_report))
