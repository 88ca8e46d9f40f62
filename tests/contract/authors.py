"""Cases as an author might have them, and runs of them under pytest."""

from __future__ import annotations

import pytest

from contract_tests.report.conformance import Conformance, Result

BEGIN = """
import itertools, random
from contract_tests import Fault, Server, ServedHarness
from contract_tests.cases.base import Cases
from contract_tests.clients.history import Recorder
from contract_tests.checks.linearizability import Verdict, judged
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
    "alone": """
    @clause("ERR-07")
    def test_alone(self, store, seed):
        "Has a history in which nobody met anybody."
        recorder = Recorder("t")
        recorder.run([store.db], 30, str(seed))
        assert judged(recorder.histories["x"]) is Verdict.LINEARIZABLE
        recorder.check(30)
""",
    "few": """
    @clause("ERR-07")
    def test_few(self, store, seed):
        "Has a history of few operations."
        recorder = Recorder("t")
        recorder.run([store.db] * 6, 10, str(seed))
        recorder.check(1000)
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
