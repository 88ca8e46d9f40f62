"""A backend whose driver fails on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import dfbackends
from contract_tests.capability import Capability
from contract_tests.fault import SIMULATED, STORES
from contract_tests.faults.faulty import faulty_db, faulty_pubsub
from contract_tests.faults.simulated import Simulated
from contract_tests.harness import Harness
from contract_tests.plan import Plan
from contract_tests.replaceable import Replaceable
from dfbackends.api import DbApi, PubSubApi
from dfbackends.names import Namespace

Opener = Callable[[Path], tuple[DbApi, PubSubApi]]


class FaultyHarness(Harness):
    """Wraps what ``opener`` returns: the two drivers of a handle, on the same store each time; it may use an empty folder.

    A backend that is not RESUMING gets lines that forget their position; one that is not JOINT publishes in two steps.
    ``replaceable`` takes an empty folder, and makes stores for the faults that replace them.
    """

    def __init__(
        self,
        name: str,
        opener: Opener,
        capabilities: Iterable[Capability] = (),
        *,
        replaceable: Callable[[Path], Replaceable] | None = None,
    ) -> None:
        super().__init__(name, capabilities, SIMULATED | (STORES if replaceable is not None else frozenset()))
        self._opener = opener
        self._replaceable = replaceable
        self.folder = Path()
        self._plans: dict[str, Plan] = {}

    def start(self, folder: Path) -> None:
        self.folder = folder

    def open(self, namespace: str, **settings: Any) -> dfbackends.Backend:
        injector = Simulated(self.plan(namespace))
        forgets = Capability.RESUMING not in self.capabilities
        db, pubsub = self._opener(self.folder)
        return dfbackends.assemble(
            faulty_db(db, injector, forgets=forgets),
            faulty_pubsub(pubsub, injector, forgets=forgets),
            namespace=namespace,
            atomic=Capability.JOINT in self.capabilities,
            **settings,
        )

    def replaceable(self, folder: Path) -> Replaceable | None:
        return self._replaceable(folder) if self._replaceable is not None else None

    def plan(self, namespace: str) -> Plan:
        return self._plans.setdefault(namespace, Plan(Namespace(namespace).public))

    def end(self, namespace: str) -> None:
        self._plans.pop(namespace, None)
