"""The cases of histories find a client that repeats writes blindly, and nothing wrong with one that does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from contract_tests.cases.histories import HistoryCases
from contract_tests.counts import PROFILES
from contract_tests.harness import Store
from tests.drivers.blind import BlindHarness

COUNTS = PROFILES["full"]
SEEDS = pytest.mark.parametrize("seed", [1, 2, 3])


@contextmanager
def cases(attempts: int) -> Iterator[tuple[HistoryCases, Store]]:
    """Run the cases of histories on such a client."""
    found: HistoryCases = type("Blind", (HistoryCases,), {"harness": BlindHarness(attempts)})()
    with Store(found.harness, injecting=True) as store:
        yield found, store


@SEEDS
def test_blind_repetition_is_not_linearizable(seed: int) -> None:
    with cases(attempts=10) as (blind, store), pytest.raises(AssertionError, match="'not linearizable'"):
        blind.test_histories_under_faults_are_linearizable(store, COUNTS, seed)


@SEEDS
def test_blind_repetition_shows_in_revisions(seed: int) -> None:
    with (
        cases(attempts=10) as (blind, store),
        pytest.raises(AssertionError, match=r"Counter\(.*a value was read "),
    ):
        blind.test_long_histories_under_faults_agree_with_their_revisions(store, COUNTS, seed)


@SEEDS
def test_the_same_store_without_repetition_is_good(seed: int) -> None:
    with cases(attempts=1) as (honest, store):
        honest.test_histories_under_faults_are_linearizable(store, COUNTS, seed)
    with cases(attempts=1) as (honest, store):
        honest.test_long_histories_under_faults_agree_with_their_revisions(store, COUNTS, seed)
