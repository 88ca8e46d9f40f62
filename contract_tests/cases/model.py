"""Any sequence of operations."""

from __future__ import annotations

from contract_tests.cases.base import Cases
from contract_tests.checks import model
from contract_tests.counts import PROFILES, Counts
from contract_tests.harness import Store
from contract_tests.marks import clause


class ModelCases(Cases):
    """The database beside a dictionary."""

    @clause("KV-07", timeout=180)
    def test_any_sequence_equals_the_model(self, store: Store, counts: Counts, seed: int) -> None:
        """Any sequence of operations equals the model, and enough has happened in those that were tried."""
        model.check(store.db, counts, seed, floors=counts == PROFILES["full"])
