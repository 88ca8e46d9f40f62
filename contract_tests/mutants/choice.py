"""Which mutants are run, and on which cases; told to the processes that run them by the environment."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from typing import NamedTuple

from contract_tests.mutants.registry import Mutant, mutants

_VARIABLE = "DFB_MUTANTS"


class Choice(NamedTuple):
    """``others`` is how many other cases are run on each mutant, None for all; which, the seed decides.

    Of a case with parameters the seed picks one, but of the named case all are run, so many times as there are ``rounds``.
    """

    names: Sequence[str] = ()
    """Of mutants; empty for all."""
    others: int | None = 5
    rounds: int = 1
    seed: int = 0
    cases: Sequence[str] | None = None
    """The other cases to pick from; None for all."""

    def environment(self) -> dict[str, str]:
        """Return what tells it to a process."""
        return {_VARIABLE: json.dumps(self)}

    def random(self, *about: object) -> random.Random:
        """Return random numbers that depend on the seed, and on what they are for."""
        return random.Random(f"{self.seed} {about}")


def choice() -> Choice:
    """Return what this process was told."""
    return Choice(*json.loads(os.environ[_VARIABLE]))


def chosen() -> dict[Mutant, int]:
    """Return the mutants that are run, and how often on the named case."""
    known, names = mutants(), choice().names
    return {each: choice().rounds for each in known.values() if not names or each.name in names}
