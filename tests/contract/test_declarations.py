"""The cases of declarations find what is there and not declared, and what is declared and not there."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

AUTHOR = """
from contract_tests import Server, ServedHarness
from contract_tests.cases.declarations import DeclarationCases

class TestMine(DeclarationCases):
    harness = ServedHarness("mine", Server.embedded({url!r}, {facts}))
"""


@pytest.mark.parametrize(
    ("url", "facts", "case"),
    [
        ("memory:mine", "", "test_lines_resume_or_not"),
        ("sqlite:{tmp}/mine.db", "resumes=True, durable=True", "test_another_process_has_another_store"),
        ("sqlite:{tmp}/mine.db", "resumes=True", "test_what_was_written_ends_with_its_process"),
    ],
)
def test_what_is_not_declared_is_found(pytester: pytest.Pytester, url: str, facts: str, case: str) -> None:
    pytester.makepyfile(test_mine=AUTHOR.format(url=url, facts=facts))

    found = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--contract-case", case)

    found.assert_outcomes(failed=1, deselected=found.parseoutcomes()["deselected"])
    found.stdout.fnmatch_lines([f"FAILED *{case}*"])
