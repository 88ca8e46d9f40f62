"""The plugin of pytest that runs mutants: it picks the cases, and notes what became of them."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from contract_tests.mutants.choice import Choice, choice
from contract_tests.mutants.judgement import Outcomes, read
from contract_tests.mutants.registry import Mutant, mutants

TIMEOUT = 40.0
"""Seconds for a case; a mutant that hangs is killed by it."""

_GRACE = 30.0

HANGS = 70
"""How a process ends whose case did not: of ``sysexits.h``, an internal error of the software."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add where the outcomes are written."""
    parser.getgroup("dfbackends mutants").addoption(
        "--mutants-report",
        type=Path,
        default=Path(os.devnull),
        help="add the outcomes to this file, a line of JSON each; run nothing that it tells",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin."""
    # The simplest example that fails is of no interest here, and takes a minute to find.
    phases = [phase for phase in hypothesis.Phase if phase not in (hypothesis.Phase.shrink, hypothesis.Phase.explain)]
    hypothesis.settings.register_profile("mutants", phases=phases)
    hypothesis.settings.load_profile("mutants")
    config.pluginmanager.register(Running(config), "dfbackends-mutants-running")


class Running:
    """Chooses, watches and notes."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._choice: Choice = choice()
        self._known = mutants()
        report: Path = config.getoption("mutants_report")
        # At once, so that a run that is broken off has told what it has found.
        self._lines = report.open("a", buffering=1)
        self._outcomes: dict[str, Outcomes] = defaultdict(dict, read([report]))
        self._picked: dict[str, set[str]] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, collector: Any, name: str, obj: object) -> Any:
        """Leave out the cases that are not picked, before their parameters are multiplied."""
        mutant, number = _of(getattr(collector, "name", ""), self._known)
        if mutant is None or not name.startswith("test_"):
            return None
        if number == 1 and name in self._others(mutant, collector.obj):
            return None
        return None if name == mutant.case else []

    def _is_known(self, nodeid: str) -> bool:
        mutant, at = self._at(nodeid)
        return at in self._outcomes[mutant.name]

    def _others(self, mutant: Mutant, suite: type[Any]) -> set[str]:
        if mutant.name not in self._picked:
            # Only what the backend can have is worth to be picked; of a case with parameters that is looked at later.
            names = [
                name
                for name in dir(suite)
                for mark in getattr(getattr(suite, name), "pytestmark", ())
                if mark.name == "clause" and name != mutant.case and _may_apply(suite, mark.args[0])
            ]
            if self._choice.cases is not None:
                names = [name for name in names if name in self._choice.cases]
            picked = self._choice.random("cases", mutant.name)
            count = len(names) if self._choice.others is None else min(self._choice.others, len(names))
            self._picked[mutant.name] = set(picked.sample(names, count))
        return self._picked[mutant.name]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None, None, None]:
        """Keep one parameter of each other case, and give each its time-out."""
        yield
        groups: dict[tuple[str, str], list[pytest.Item]] = defaultdict(list)
        for item in items:
            groups[item.nodeid.partition("[")[0].rpartition("::")[0], item.nodeid.partition("[")[0]].append(item)
        kept: list[pytest.Item] = []
        for (_, case), group in groups.items():
            mutant, _ = _of(case.split("::")[1], self._known)
            assert mutant is not None
            if case.rpartition("::")[2] == mutant.case:
                wanted = mutant.kills.rpartition("::")[2]
                kept += [item for item in group if "[" not in wanted or item.name == wanted]
            else:
                kept.append(self._choice.random("parameters", case).choice(group))
        items[:] = [item for item in kept if not self._is_known(item.nodeid)]
        for item in items:
            item.add_marker(pytest.mark.timeout(TIMEOUT), append=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """End the process where even the end of a case hangs; the mutant is killed by it, and another process goes on."""
        watchdog = threading.Timer(TIMEOUT + _GRACE, self._give_up, [item.nodeid])
        watchdog.daemon = True
        watchdog.start()
        try:
            return (yield)
        finally:
            watchdog.cancel()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Run the named case no more in this round once it has found the mutant: with one parameter is enough."""
        mutant, (number, case) = self._at(item.nodeid)
        if _case(case) == mutant.case and any(
            at[0] == number and _case(at[1]) == mutant.case and not passed for at, passed in self._outcomes[mutant.name].items()
        ):
            pytest.skip("found already")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what became of a case; that its end failed counts, too."""
        if report.skipped or (report.when != "call" and report.passed):
            return
        self._note(report.nodeid, report.outcome != "failed")

    def _note(self, nodeid: str, passed: bool) -> None:
        mutant, at = self._at(nodeid)
        outcomes = self._outcomes[mutant.name]
        outcomes[at] = passed and outcomes.get(at, True)
        self._lines.write(json.dumps([mutant.name, *at, passed]) + "\n")

    def _at(self, nodeid: str) -> tuple[Mutant, tuple[int, str]]:
        _, suite, case = nodeid.split("::")
        mutant, number = _of(suite, self._known)
        assert mutant is not None
        return mutant, (number, case)

    def _give_up(self, nodeid: str) -> None:
        self._note(nodeid, passed=False)
        print(f"{nodeid} does not end", file=sys.stderr, flush=True)
        os._exit(HANGS)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """That cases have failed, or that there was none left, is no failure here."""
        yield
        self._lines.close()
        if session.exitstatus in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.OK

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self) -> None:
        """Leave out what the contract suite would tell of one backend."""
        contract = self._config.pluginmanager.get_plugin("dfbackends-contract")
        assert contract is not None
        contract.tally.chosen.clear()


def _of(suite: str, known: dict[str, Mutant]) -> tuple[Mutant | None, int]:
    """Return the mutant of a class of cases, and which time it is."""
    name, _, number = suite.removeprefix("Test_").rpartition("_")
    return (known.get(name), int(number)) if name in known else (None, 0)


def _case(name: str) -> str:
    return name.partition("[")[0]


def _may_apply(suite: type[Any], case: Any) -> bool:
    harness = suite.harness
    if case.injects and not case.injects & harness.faults:
        return False
    some = case._replace(injects=case.injects & harness.faults)
    return harness.lacking(some) is None
