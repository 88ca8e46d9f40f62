"""The plugin of pytest: what a driver author sees."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.contract.authors import BEGIN, CASES, END, report

pytest_plugins = ["pytester"]

AUTHOR = """
from contract_tests import Capability, Server, ServedHarness
from contract_tests.cases.base import Cases
from contract_tests.marks import clause

class Additional(Cases):
    @clause("KV-01")
    def test_passes(self, store):
        "A case."
    @clause("KV-01")
    def test_fails(self, store):
        "A case that fails."
        store.db.create("t", "secret", {"password": 1}, topic="red")
        assert store.db.put("t", "k", 1) == "revision"
    @clause("KV-01", timeout=0.2)
    def test_hangs(self, store):
        "A case."
        import threading
        threading.Event().wait()
    @clause("CAS-04", needs=[Capability.DURABLE])
    def test_needs_a_disk(self, store):
        "A case."
    @clause("LOSS-01", injects=["deaf"])
    def test_needs_faults(self, store):
        "A case."

class TestMine(Additional):
    harness = ServedHarness("mine", Server.external("memory:mine"))
"""


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    pytester.makepyfile(test_mine=AUTHOR)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments)


def test_the_summary_counts_each_backend(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--contract-profile", "quick")

    result.assert_outcomes(passed=1, failed=2, deselected=2)
    result.stdout.fnmatch_lines(
        [
            "*contract, profile quick, seed *",
            "mine: 1 passed, 1 not applicable, 1 not run, 2 failed",
            "    not applicable: 1, the backend is not durable",
            "    not run: 1, the harness injects no faults",
            "figures: examples 30, *",
        ]
    )
    # The comparison is explained, as in any test.
    result.stdout.fnmatch_lines(["*where * = *('t', 'k', 1)"])


def test_a_case_that_fails_says_what_and_how(pytester: pytest.Pytester) -> None:
    """The clause, the norm, what was done without its values, and the command that runs just this again."""
    result = run(pytester, "-k", "fails", "--contract-seed", "5")

    result.stdout.fnmatch_lines(
        [
            "*- contract KV-01 -*",
            "clause   KV-01: get after create*",
            "case     test_fails: A case that fails.",
            "done     the last calls on its handles",
            "   1  handle 1.db: create(table='t', key='secret', topic='red'): done",
            "   2  handle 1.db: put(table='t', key='k'): done",
            "again    pytest test_mine.py::TestMine::test_fails --contract-seed 5",
        ]
    )
    section = result.stdout.str().partition("- contract KV-01 -")[2].partition("short test summary")[0]
    assert "password" not in section


def test_a_case_that_hangs_fails_and_the_next_one_runs(pytester: pytest.Pytester) -> None:
    """The stacks of all threads are shown, that of the case too."""
    result = run(pytester, "-k", "hangs or passes", "--contract-report", "out", "-p", "no:randomly")

    result.assert_outcomes(passed=1, failed=1, deselected=3)
    result.stdout.fnmatch_lines(["*Timeout*0.2*", "*Stack of *"])
    result.stdout.fnmatch_lines(["*threading.Event().wait()*"])
    assert "Timeout" in next(each.reason for each in report(pytester).results if each.test == "test_hangs")


def test_a_case_that_does_not_heed_its_time_out_is_ended(pytester: pytest.Pytester) -> None:
    """Where a signal does not get through, the stacks are shown and the process ends, in place of hanging."""
    pytester.makeconftest(
        """
        import pytest
        from contract_tests.run.watchdog import Watchdog

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_protocol():
            with Watchdog(grace=0.2).over(0.2):
                return (yield)
        """
    )
    pytester.makepyfile(
        """
        import signal

        def test_deaf():
            signal.sigwait([signal.SIGUSR2])
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")

    assert result.ret == 1
    result.stderr.fnmatch_lines(["Timeout*", "*most recent call first*", "*in test_deaf*"])


def test_a_server_that_does_not_start_is_tried_once(pytester: pytest.Pytester) -> None:
    """Each case says why; none waits for it again."""
    program = "print('no disk'); open('tries', 'a').write('1')"
    server = f'Server.process([sys.executable, "-c", {program!r}], url="memory:mine")'
    end = END.replace('Server.embedded("memory:mine")', server)
    pytester.makepyfile(test_mine="import sys\n" + BEGIN + CASES["good"] + CASES["other"] + end)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*NotStarted: the server ended with code 0 before it answered*", "*output: no disk*"])
    result.stdout.fnmatch_lines(["*the harness did not start before: NotStarted*"])
    assert len((pytester.path / "tries").read_text()) == 1


def test_without_cases_it_does_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_other():\n    import sys\n    assert 'dfbackends' not in sys.modules\n")
    result = pytester.runpytest_subprocess("--contract-report", "out")

    result.assert_outcomes(passed=1)
    assert "contract" not in result.stdout.str().replace("dfbackends-contract-tests", "")
    assert not Path(pytester.path / "out" / "conformance.json").exists()


if find_spec("xdist") is not None:

    def test_the_summary_is_the_same_over_several_processes(pytester: pytest.Pytester) -> None:
        result = run(pytester, "-n", "2")

        result.stdout.fnmatch_lines(["mine: 1 passed, 1 not applicable, 1 not run, 2 failed"])
