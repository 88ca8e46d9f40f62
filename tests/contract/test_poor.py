"""The contract on a database that can do nothing beyond what is required; its messages are kept in its tables."""

from typing import Any

import dfbackends
from contract_tests import BackendContract, Capability, Harness
from tests.drivers.poor import PoorDb, PoorStore


class PoorHarness(Harness):
    """Opens handles on one store."""

    _store = PoorStore()

    def open(self, namespace: str, **settings: Any) -> dfbackends.Backend:
        return dfbackends.assemble(PoorDb(self._store), namespace=namespace, **settings)


class TestPoor(BackendContract):
    """A backend without any capability but that of the log that carries its messages."""

    harness = PoorHarness("poor", {Capability.RESUMING})
