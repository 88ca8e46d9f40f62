"""The plugin of pytest: what a driver author sees."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

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
        "A case."
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
            "*contract, profile quick*",
            "mine: 1 passed, 0 skipped, 2 not applicable, 2 failed",
            "    not applicable: 1, the backend is not durable",
            "    not applicable: 1, the harness injects no faults",
        ]
    )
    # The comparison is explained, as in any test.
    result.stdout.fnmatch_lines(["*where * = put('t', 'k', 1)"])


def test_a_case_that_hangs_fails(pytester: pytest.Pytester) -> None:
    result = run(pytester, "-k", "hangs")

    result.stdout.fnmatch_lines(["*Timeout*0.2*"])


if find_spec("xdist") is not None:

    def test_the_summary_is_the_same_over_several_processes(pytester: pytest.Pytester) -> None:
        result = run(pytester, "-n", "2")

        result.stdout.fnmatch_lines(["mine: 1 passed, 0 skipped, 2 not applicable, 2 failed"])


def test_without_cases_it_does_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_other():\n    import sys\n    assert 'dfbackends' not in sys.modules\n")
    result = pytester.runpytest_subprocess()

    result.assert_outcomes(passed=1)
    assert "contract" not in result.stdout.str().replace("dfbackends-contract-tests", "")
