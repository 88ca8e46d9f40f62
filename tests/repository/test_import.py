"""What ``import dfbackends`` costs."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

import pytest

import dfbackends
from tests.figures import Claim

ROUNDS = 11
# What was there before does not count, whoever's it is: an interpreter may load things for an editable installation.
LOADED = """
import sys
before = set(sys.modules)
import dfbackends
for name in dfbackends.__all__:
    getattr(dfbackends, name)
import json
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_neither_it_nor_its_names_load_a_driver_or_a_package_of_others() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, check=True, text=True)

    loaded: list[str] = json.loads(done.stdout)
    assert "dfbackends.database" in loaded
    assert [name for name in loaded if name.startswith(("dfbackends.drivers", "dfbackends.config", "dfbackends.cli"))] == []
    assert {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names) == {"dfbackends"}


def test_a_name_that_is_not_there_is_said_so() -> None:
    with pytest.raises(AttributeError, match="module 'dfbackends' has no attribute 'opem'"):
        dfbackends.opem  # type: ignore[attr-defined]  # noqa: B018 - looking for it is the test.


@pytest.mark.claims
def test_it_takes_hardly_longer_than_an_empty_interpreter(claim: Claim) -> None:
    def took(code: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - began

    def measure() -> float:
        pairs = [(took("import dfbackends"), took("pass")) for _ in range(ROUNDS)]
        return 1000 * statistics.median(full - empty for full, empty in pairs)

    took("import dfbackends")  # Compiles what is not compiled yet.
    claim("import dfbackends, more than an empty interpreter", measure, at_most=50, unit="ms")
