"""The cases on each mutant that was chosen: what pytest collects."""

from __future__ import annotations

from typing import Any

import pytest

from contract_tests.contract import BackendContract
from contract_tests.counts import PROFILES, Counts
from contract_tests.mutants.choice import choice, chosen
from contract_tests.mutants.harness import harness


@pytest.fixture
def _counts(self: BackendContract) -> Counts:
    """Reduced figures, though cases of all levels are run."""
    return PROFILES["quick"]


def _seeded(number: int) -> Any:
    """Return a fixture: each round leaves something else to chance."""

    @pytest.fixture
    def seed(self: BackendContract) -> int:
        return choice().seed + number

    return seed


for _mutant, _rounds in chosen().items():
    _harness = harness(_mutant)
    for _round in range(1, _rounds + 1):
        # A class for each time that the named case is run.
        _name = f"Test_{_mutant.name}_{_round}"
        globals()[_name] = type(
            _name, (BackendContract,), {"harness": _harness, "counts": _counts, "seed": _seeded(_round), "__module__": __name__}
        )
