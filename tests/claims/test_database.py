"""What the core costs (G18)."""

from __future__ import annotations

import pytest

from benchmarks import database
from tests.figures import Claim

pytestmark = pytest.mark.claims


def test_the_core_adds_little_to_a_get(claim: Claim) -> None:
    claim("Database adds to a get", lambda: database.measure().get, at_most=database.GET_ADDS, unit="us")


def test_the_core_adds_little_to_a_put(claim: Claim) -> None:
    claim("Database adds to a put", lambda: database.measure().put, at_most=database.PUT_ADDS, unit="us")
