"""The model that any sequence of operations is compared with."""

from __future__ import annotations

import dfbackends
from contract_tests.checks import model
from contract_tests.counts import PROFILES


def test_a_seed_does_the_same_again() -> None:
    """What has happened, and how often, is the same; with another seed it is not."""
    seen = []
    for seed in (1, 1, 2):
        with dfbackends.open("memory:") as backend:
            seen.append(model.check(backend.db, PROFILES["quick"], seed, floors=False))

    assert seen[0] == seen[1] != seen[2]
