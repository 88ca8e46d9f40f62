"""What a mirror costs (G17)."""

from __future__ import annotations

import pytest

from benchmarks import mirror
from tests.figures import Claim

pytestmark = [pytest.mark.claims, pytest.mark.timeout(180)]


def test_reading_a_mirror_is_fast(claim: Claim) -> None:
    claim("reads of a mirror", mirror.reads, at_least=mirror.READS, unit="a second")


def test_a_large_mirror_keeps_up_with_its_changes(claim: Claim) -> None:
    def measure() -> float:
        kept = mirror.pursuit()
        assert kept.rate >= 0.95 * mirror.CHANGES, "the writer was too slow to prove anything"
        return kept.lag

    what = f"behind {mirror.CHANGES:g} changes a second, with {mirror.ENTRIES} entries"
    claim(what, measure, at_most=mirror.LAG, unit="s")


def test_an_entry_takes_little_memory(claim: Claim) -> None:
    claim("memory of an entry of a mirror", mirror.memory, at_most=mirror.MEMORY, unit="bytes")
