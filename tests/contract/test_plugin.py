"""The plugin of pytest: what a driver author sees."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from contract_tests.report.conformance import Conformance, Outcome, Result

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

BEGIN = """
import itertools, random
from contract_tests import Fault, Server, ServedHarness
from contract_tests.cases.base import Cases
from contract_tests.marks import clause

turns = itertools.count()

class Additional(Cases):
"""
END = """
class TestMine(Additional):
    harness = ServedHarness("mine", Server.embedded("memory:mine"))
"""
CASES = {
    "good": """
    @clause("KV-01")
    def test_good(self, store):
        "Good."
""",
    "bad": """
    @clause("KV-02")
    def test_bad(self, store):
        "Bad."
        assert False
""",
    "other": """
    @clause("KV-02")
    def test_other(self, store):
        "Good."
""",
    "flaky": """
    @clause("KV-03")
    def test_flaky(self, store):
        "Good and bad in turns."
        assert next(turns) % 2
""",
    "chance": """
    @clause("KV-04")
    def test_chance(self, store, seed):
        "Says what it leaves to chance."
        raise AssertionError(f"chosen: {random.Random(seed).random()}")
""",
    "idle": """
    @clause("ERR-03", injects=[Fault.CUT])
    def test_idle(self, store):
        "Arms what strikes nothing."
        store.plan.arm(Fault.CUT)
""",
    "timed": """
    @clause("LOSS-01", injects=[Fault.DOWN])
    def test_timed(self, store, recoveries):
        "Measures."
        store.pubsub.subscribe("t", print, on_loss=print)
        store.plan.lose_line(Fault.DOWN)
        recoveries.detected(Fault.DOWN, 0.5)
        recoveries.recovered(Fault.DOWN, 1.5)
""",
}


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    pytester.makepyfile(test_mine=AUTHOR)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments)


def run_cases(pytester: pytest.Pytester, cases: str, *arguments: str) -> pytest.RunResult:
    """Run these cases, and write a report into the folder ``out``."""
    pytester.makepyfile(test_mine=BEGIN + "".join(CASES[case] for case in cases.split()) + END)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "--contract-report", "out", *arguments)


def report(pytester: pytest.Pytester) -> Conformance:
    return Conformance.read(pytester.path / "out" / "conformance.json")


def result(pytester: pytest.Pytester, case: str) -> Result:
    [found] = [each for each in report(pytester).results if each.test == f"test_{case}"]
    return found


def deviations(pytester: pytest.Pytester, *ids: str, until: str = "2999-01-01") -> str:
    """Write a file of deviations, and return its name."""
    rows = [f'[[deviation]]\nid = "{one}"\nkind = "limit"\nreason = "known for long"\nuntil = {until}\n' for one in ids]
    (pytester.path / "known.toml").write_text("".join(rows))
    return "--contract-deviations=known.toml"


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


def test_the_report_has_each_case(pytester: pytest.Pytester) -> None:
    run_cases(pytester, "good bad idle timed", "--contract-seed", "9")

    found = report(pytester)
    assert (found.backend, found.extent.seed, found.extent.partial) == ("mine", 9, "")
    assert result(pytester, "good").outcome is Outcome.PASSED
    assert result(pytester, "bad").outcome is Outcome.FAILED
    assert result(pytester, "bad").again == "pytest test_mine.py::TestMine::test_bad --contract-seed 9"
    assert result(pytester, "idle").outcome is Outcome.INVALID
    assert "these faults have struck nothing: ['cut']" in result(pytester, "idle").reason
    assert {fault.value: count for fault, count in result(pytester, "timed").faults.items()} == {"down": 1}
    [recovery] = found.recoveries
    assert recovery.detection is not None
    assert recovery.recovery is not None
    assert (recovery.fault.value, recovery.detection.median, recovery.recovery.median) == ("down", 0.5, 1.5)
    assert "KV-02" in (pytester.path / "out" / "index.html").read_text()
    assert "test_bad" in (pytester.path / "out" / "junit.xml").read_text()


def test_several_backends_have_a_report_each(pytester: pytest.Pytester) -> None:
    """They are compared on a page."""
    more = END.replace("TestMine", "TestOther").replace("mine", "other")
    pytester.makepyfile(test_mine=BEGIN + CASES["good"] + END + more)
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "--contract-report", "out").assert_outcomes(passed=2)

    for name in ("mine", "other"):
        assert Conformance.read(pytester.path / "out" / name / "conformance.json").backend == name
    assert (pytester.path / "out" / "index.html").exists()


def test_a_part_of_the_cases_is_told(pytester: pytest.Pytester) -> None:
    for choice in (
        ["-k", "good"],
        ["--contract-case", "good"],
        ["--contract-clause", "KV-01"],
        ["test_mine.py::TestMine::test_good"],
    ):
        run_cases(pytester, "good bad", *choice).assert_outcomes(passed=1, deselected=len(choice) - 1 and 1)
        assert report(pytester).extent.partial == "1 cases were chosen, others were not"


@pytest.mark.parametrize("choice", [["--contract-case", "nothing"], ["--contract-clause", "KV-99"], ["--contract-repeat", "0"]])
def test_a_choice_that_fits_nothing_is_an_error(pytester: pytest.Pytester, choice: list[str]) -> None:
    found = run_cases(pytester, "good", *choice)

    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines([f"ERROR: *{choice[1] if choice[1] != '0' else choice[0]}*"])


def test_one_run_of_several_that_fails_is_a_failure(pytester: pytest.Pytester) -> None:
    found = run_cases(pytester, "flaky good", "--contract-repeat", "4")

    found.assert_outcomes(passed=6, failed=2)
    flaky = result(pytester, "flaky")
    assert (flaky.outcome, flaky.runs, flaky.passed) == (Outcome.FAILED, 4, 2)
    assert flaky.reason.startswith("2 of 4 runs passed: ")
    found.stdout.fnmatch_lines(["    test_flaky: 2 of 4 passed"])
    assert result(pytester, "good").passed == 4


def test_a_seed_repeats_what_was_left_to_chance(pytester: pytest.Pytester) -> None:
    """Without one each run is another, and says which it was."""
    first = run_cases(pytester, "chance").stdout.str()
    seed = re.findall(r"contract, profile full, seed (\d+)", first)[0]
    chosen = re.findall(r"chosen: [\d.]+", first)[0]

    assert chosen in run_cases(pytester, "chance", "--contract-seed", seed).stdout.str()
    assert chosen not in run_cases(pytester, "chance").stdout.str()


def test_a_known_deviation_is_run_and_is_no_failure(pytester: pytest.Pytester) -> None:
    for one in ("test_bad", "KV-02"):
        found = run_cases(pytester, "good bad", deviations(pytester, one))

        found.assert_outcomes(passed=1, xfailed=1)
        assert found.ret == pytest.ExitCode.OK
        bad = result(pytester, "bad")
        assert bad.outcome is Outcome.DEVIATION
        assert bad.deviation is not None
        assert (bad.deviation.id, bad.deviation.reason, bad.deviation.until) == (one, "known for long", "2999-01-01")


def test_a_deviation_that_passes_fails(pytester: pytest.Pytester) -> None:
    """Of a clause all cases must pass for that."""
    for one in ("test_good", "KV-01"):
        assert run_cases(pytester, "good", deviations(pytester, one)).ret == pytest.ExitCode.TESTS_FAILED
        assert result(pytester, "good").outcome is Outcome.FAILED
        assert "known for long" in result(pytester, "good").reason

    assert run_cases(pytester, "bad other", deviations(pytester, "KV-02")).ret == pytest.ExitCode.OK
    assert result(pytester, "other").outcome is Outcome.PASSED


def test_a_deviation_that_has_expired_fails(pytester: pytest.Pytester) -> None:
    """Whether its case passes or not."""
    found = run_cases(pytester, "good bad", deviations(pytester, "KV-01", "test_bad", until="2026-01-01"))

    found.assert_outcomes(failed=2)
    assert "the deviation KV-01 has expired, on 2026-01-01: known for long" in result(pytester, "good").reason
    assert result(pytester, "bad").outcome is Outcome.FAILED


def test_a_file_of_deviations_that_is_wrong_is_an_error(pytester: pytest.Pytester) -> None:
    found = run_cases(pytester, "good", deviations(pytester, "test_that_is_not_there"))

    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines(["ERROR: known.toml: neither a clause nor a case: test_that_is_not_there"])


if find_spec("xdist") is not None:

    def test_the_summary_is_the_same_over_several_processes(pytester: pytest.Pytester) -> None:
        result = run(pytester, "-n", "2")

        result.stdout.fnmatch_lines(["mine: 1 passed, 1 not applicable, 1 not run, 2 failed"])

    def test_the_report_is_the_same_over_several_processes(pytester: pytest.Pytester) -> None:
        """With one seed for all of them."""
        found = []
        for processes in ("0", "2"):
            run_cases(pytester, "good bad idle timed chance", "--contract-seed", "3", "-n", processes)
            made = report(pytester)
            results = {
                (each.test, each.outcome, each.reason.partition("\n")[0], tuple(each.faults.items())) for each in made.results
            }
            found.append((results, made.extent, made.limits, made.abilities, made.recoveries))

        assert found[0] == found[1]


def test_without_cases_it_does_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_other():\n    import sys\n    assert 'dfbackends' not in sys.modules\n")
    result = pytester.runpytest_subprocess("--contract-report", "out")

    result.assert_outcomes(passed=1)
    assert "contract" not in result.stdout.str().replace("dfbackends-contract-tests", "")
    assert not Path(pytester.path / "out" / "conformance.json").exists()
