"""The contract on drivers that fail on demand: one that can do everything, and one that can do nothing."""

from contract_tests import BackendContract, Capability
from contract_tests.injecting import FaultyHarness
from dfbackends.api import DbApi, PubSubApi
from dfbackends.drivers.memory import MemoryDb, MemoryPubSub, Store
from tests.drivers.poor import PoorDb, PoorStore

_rich, _carrier, _poor = Store(), Store(), PoorStore()
for store in (_rich, _carrier):
    store.log_rows, store.done.term = 10_000, 100.0


def rich() -> tuple[DbApi, PubSubApi]:
    """Return drivers of one store that transacts, tells heads, and resumes."""
    return MemoryDb(_rich), MemoryPubSub(_rich)


def poor() -> tuple[DbApi, PubSubApi]:
    """Return drivers of two stores, one of which transacts not, and the other of which forgets."""
    return PoorDb(_poor), MemoryPubSub(_carrier)


class TestFaulty(BackendContract):
    """A backend with all capabilities that a single process can have."""

    harness = FaultyHarness(
        "faulty", rich, {Capability.TRANSACTIONAL, Capability.JOINT, Capability.WATCHING, Capability.RESUMING}
    )


class TestFaultyPoor(BackendContract):
    """A backend without any capability, whose messages are carried by another one."""

    harness = FaultyHarness("faulty-poor", poor)
