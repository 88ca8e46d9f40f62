"""How fast histories are judged."""

from __future__ import annotations

import time

import pytest

from contract_tests.checks.versions import contradictions
from tests.contract.test_versions import made
from tests.figures import Claim

pytestmark = [pytest.mark.claims, pytest.mark.timeout(180)]

LENGTH = 200_000


def test_long_histories_are_compared_at_once(claim: Claim) -> None:
    history = made(1, LENGTH, overlap=4, doubt=0.01)

    def seconds() -> float:
        began = time.perf_counter()
        assert contradictions(history) == []
        return time.perf_counter() - began

    claim(f"comparing the revisions of {LENGTH} operations", seconds, at_most=1, unit="s")
