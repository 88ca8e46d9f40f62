"""Which clause a case stands for, and what a backend must have for it to apply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pytest

from contract_tests.capability import Capability
from contract_tests.clauses import clauses
from contract_tests.fault import Fault


class Case(NamedTuple):
    """What the mark of a test says. ``process``: another process must be able to open the backend by its URL.

    A case that is repeated for several faults, as its parameter ``fault``, needs one of them at a time.
    """

    clause: str
    needs: frozenset[Capability]
    lacks: frozenset[Capability]
    injects: frozenset[Fault]
    process: bool
    settings: bool
    timeout: float

    def of(self, parameters: Mapping[str, Any]) -> Case:
        """Return the case with these parameters."""
        fault = parameters.get("fault")
        return self._replace(injects=frozenset({fault})) if isinstance(fault, Fault) else self


def clause(
    identity: str,
    *,
    needs: Iterable[Capability] = (),
    lacks: Iterable[Capability] = (),
    injects: Iterable[Fault] = (),
    process: bool = False,
    settings: bool = False,
    timeout: float = 60.0,
) -> pytest.MarkDecorator:
    """Mark a test as a case of a clause.

    ``lacks`` is for what a backend without a capability has to do instead. ``settings``: the backend can be chosen in a
    configuration file. ``timeout`` is in seconds, before the time factor.
    """
    absent = frozenset(lacks)
    required = (clauses()[identity].needs | frozenset(needs)) - absent
    return pytest.mark.clause(Case(identity, required, absent, frozenset(injects), process, settings, timeout))
