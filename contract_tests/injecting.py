"""A backend whose driver fails on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import dfbackends
from contract_tests.capability import Capability
from contract_tests.fault import Fault
from contract_tests.faulty import faulty_db, faulty_pubsub
from contract_tests.harness import Harness
from contract_tests.plan import Plan
from dfbackends.api import DbApi, PubSubApi
from dfbackends.names import Namespace

Opener = Callable[[Path], tuple[DbApi, PubSubApi]]


class FaultyHarness(Harness):
    """Wraps what ``opener`` returns: the two drivers of a handle, on the same store each time; it may use an empty folder.

    A backend that is not RESUMING gets lines that forget their position; one that is not JOINT publishes in two steps.
    """

    def __init__(self, name: str, opener: Opener, capabilities: Iterable[Capability] = ()) -> None:
        super().__init__(name, capabilities, Fault)
        self._opener = opener
        self.folder = Path()
        self._plans: dict[str, Plan] = {}

    def start(self, folder: Path) -> None:
        self.folder = folder

    def open(self, namespace: str, **settings: Any) -> dfbackends.Backend:
        plan = self.plan(namespace)
        db, pubsub = self._opener(self.folder)
        return dfbackends.assemble(
            faulty_db(db, plan),
            faulty_pubsub(pubsub, plan, forgets=Capability.RESUMING not in self.capabilities),
            namespace=namespace,
            atomic=Capability.JOINT in self.capabilities,
            **settings,
        )

    def plan(self, namespace: str) -> Plan:
        return self._plans.setdefault(namespace, Plan(Namespace(namespace).public))
