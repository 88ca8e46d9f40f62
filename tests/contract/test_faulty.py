"""The contract on drivers that are no entry points, and fail on demand: one that can do nothing, and lines that forget."""

from pathlib import Path

from contract_tests import BackendContract, Capability
from contract_tests.cases.changes import ChangeCases
from contract_tests.cases.loading import LoadingCases
from contract_tests.cases.mirrors import MirrorCases
from contract_tests.cases.replacements import ReplacementCases
from contract_tests.cases.staleness import StalenessCases
from contract_tests.faults.injecting import FaultyHarness
from contract_tests.servers.replaced_memory import made, replaced_memory
from dfbackends.api import DbApi, PubSubApi
from dfbackends.drivers.memory import MemoryDb, MemoryPubSub
from tests.drivers.poor import PoorDb, PoorStore
from tests.drivers.replaced import replaced_poor

_rich, _carrier, _poor = made(), made(), PoorStore()


def rich(folder: Path) -> tuple[DbApi, PubSubApi]:
    """Return drivers of one store that transacts, tells heads, and resumes."""
    return MemoryDb(_rich), MemoryPubSub(_rich)


def poor(folder: Path) -> tuple[DbApi, PubSubApi]:
    """Return drivers of two stores, one of which transacts not, and the other of which forgets."""
    return PoorDb(_poor), MemoryPubSub(_carrier)


class TestReplaced(ReplacementCases):
    """A store in memory, in the place of which others are put."""

    harness = FaultyHarness(
        "replaced",
        rich,
        {Capability.TRANSACTIONAL, Capability.JOINT, Capability.WATCHING, Capability.RESUMING},
        replaceable=replaced_memory,
    )


class TestFaultyPoor(BackendContract):
    """A backend without any capability, whose messages are carried by another one."""

    harness = FaultyHarness("faulty-poor", poor, replaceable=replaced_poor)


class TestFaultyForgetful(MirrorCases, ChangeCases, StalenessCases, LoadingCases):
    """A store that tells of changes, and can not go on where a line of them broke."""

    harness = FaultyHarness("faulty-forgetful", rich, {Capability.TRANSACTIONAL, Capability.JOINT, Capability.WATCHING})
