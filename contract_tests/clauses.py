"""The clauses of the contract, from ``clauses.toml``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from contract_tests.capability import Capability

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LEVELS = ("Core", "Concurrent", "Resilient", "Verified")
SIDES = ("db", "pubsub", "changes", "life", "errors", "config")


@dataclass(frozen=True)
class Clause:
    """One promise of every backend that has what the clause needs."""

    id: str
    level: str
    side: str
    required: bool
    promise: str
    needs: frozenset[Capability] = frozenset()


@cache
def clauses() -> dict[str, Clause]:
    """Return all clauses by their ids."""
    text = (files("contract_tests") / "clauses.toml").read_text(encoding="utf-8")
    found = [_clause(row) for row in tomllib.loads(text)["clause"]]
    return {clause.id: clause for clause in found}


def _clause(row: dict[str, Any]) -> Clause:
    needs = frozenset(map(Capability, row.pop("needs", ())))
    return Clause(needs=needs, **row)
