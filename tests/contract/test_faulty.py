"""The contract on drivers that fail on demand: one that can do everything, one that can do nothing, and one in a file."""

from pathlib import Path

from contract_tests import BackendContract, Capability
from contract_tests.cases.announcements import AnnouncementCases
from contract_tests.cases.commits import CommitCases
from contract_tests.cases.doubts import DoubtCases
from contract_tests.cases.histories import HistoryCases
from contract_tests.cases.losses import LossCases
from contract_tests.cases.mirrors import MirrorCases
from contract_tests.cases.staleness import StalenessCases
from contract_tests.cases.undone import UndoneCases
from contract_tests.injecting import FaultyHarness
from dfbackends.api import DbApi, PubSubApi
from dfbackends.drivers.memory import MemoryDb, MemoryPubSub, Store
from dfbackends.drivers.sqlite import File, SqliteDb, SqlitePubSub
from tests.drivers.poor import PoorDb, PoorStore
from tests.drivers.replaced import replaced_memory, replaced_poor

_rich, _carrier, _poor = Store(), Store(), PoorStore()
for store in (_rich, _carrier):
    store.log_rows, store.done.term = 10_000, 100.0


def rich(folder: Path) -> tuple[DbApi, PubSubApi]:
    """Return drivers of one store that transacts, tells heads, and resumes."""
    return MemoryDb(_rich), MemoryPubSub(_rich)


def poor(folder: Path) -> tuple[DbApi, PubSubApi]:
    """Return drivers of two stores, one of which transacts not, and the other of which forgets."""
    return PoorDb(_poor), MemoryPubSub(_carrier)


def in_a_file(folder: Path) -> tuple[DbApi, PubSubApi]:
    """Return drivers of one file."""
    file = File(str(folder / "faulty.db"))
    return SqliteDb(file), SqlitePubSub(file)


class TestFaulty(BackendContract):
    """A backend with all capabilities that a single process can have."""

    harness = FaultyHarness(
        "faulty",
        rich,
        {Capability.TRANSACTIONAL, Capability.JOINT, Capability.WATCHING, Capability.RESUMING},
        replaceable=replaced_memory,
    )


class TestFaultyPoor(BackendContract):
    """A backend without any capability, whose messages are carried by another one."""

    harness = FaultyHarness("faulty-poor", poor, replaceable=replaced_poor)


class TestFaultyForgetful(MirrorCases, StalenessCases):
    """A store that tells of changes, and can not go on where a line of them broke."""

    harness = FaultyHarness("faulty-forgetful", rich, {Capability.TRANSACTIONAL, Capability.JOINT, Capability.WATCHING})


class TestFaultySqlite(AnnouncementCases, CommitCases, DoubtCases, HistoryCases, LossCases, StalenessCases, UndoneCases):
    """What outcomes, fences, heads and the log of the file are for."""

    harness = FaultyHarness("faulty-sqlite", in_a_file, set(Capability) - {Capability.SHARED, Capability.DURABLE})
