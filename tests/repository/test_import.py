"""What ``import dfbackends`` costs."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

import pytest

from tests.figures import Claim

ROUNDS = 11
# What was there before does not count, whoever's it is: an interpreter may load things for an editable installation.
LOADED = """
import sys
before = set(sys.modules)
import dfbackends
import json
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_it_loads_no_driver_and_no_package_of_others() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, check=True, text=True)

    loaded: list[str] = json.loads(done.stdout)
    assert "dfbackends.database" in loaded
    assert [name for name in loaded if name.startswith(("dfbackends.drivers", "dfbackends.config", "dfbackends.cli"))] == []
    assert {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names) == {"dfbackends"}


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
