"""A backend with a defect, as the suite sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dfbackends
from contract_tests.capability import Capability
from contract_tests.faults.injecting import FaultyHarness
from contract_tests.harness import Harness
from contract_tests.mutants.bare import Bare
from contract_tests.mutants.entry import FILE, SERVED, install
from contract_tests.mutants.installed import Installed, server
from contract_tests.mutants.registry import Base, Mutant, part
from contract_tests.mutants.remote import harness as remote
from contract_tests.mutants.seats import seated
from contract_tests.replaceable import Replaceable
from contract_tests.served import ServedHarness
from contract_tests.servers.replaced_memory import MovedMemoryDb, ReplacedMemory, copied, made
from dfbackends.api import Change, DbApi, Feed, Message, Position, PubSubApi, Stream
from dfbackends.drivers.memory import MemoryDb, MemoryPubSub, Store
from dfbackends.drivers.memory.feed import ChangeFeed, MessageFeed

CAPABILITIES = {
    Base.RICH: {Capability.TRANSACTIONAL, Capability.JOINT, Capability.WATCHING, Capability.RESUMING},
    Base.FORGETFUL: {Capability.TRANSACTIONAL, Capability.WATCHING},
    Base.BARE: set[Capability](),
}


class MutantHarness(FaultyHarness):
    """Puts the class with the defect in the place of the sound one, in the driver or in the core."""

    def __init__(self, mutant: Mutant) -> None:
        self._kind = mutant.kind
        self._base = mutant.base
        self._rich = made(part(self._kind, Store))
        self._carrier = self._rich if mutant.base is Base.RICH else made(part(self._kind, Store))
        watching = mutant.base is not Base.BARE
        super().__init__(
            mutant.name, self._drivers, CAPABILITIES[mutant.base], replaceable=self._replaced if watching else None
        )

    def open(self, namespace: str, **settings: Any) -> dfbackends.Backend:
        return seated(super().open(namespace, **settings), self._kind)

    def _database(self) -> type[MemoryDb]:
        feed = part(self._kind, ChangeFeed)

        def watch(self: MemoryDb, after: Position | None = None) -> Feed[Stream, Change]:
            return feed(self._store, after)

        usual = part(self._kind, MemoryDb)
        return usual if feed is ChangeFeed else type("Database", (usual,), {"watch": watch})

    def _topics(self) -> type[MemoryPubSub]:
        feed = part(self._kind, MessageFeed)

        def listen(self: MemoryPubSub, after: Position | None = None) -> Feed[str, Message]:
            return feed(self._store, after)

        usual = part(self._kind, MemoryPubSub)
        return usual if feed is MessageFeed else type("Topics", (usual,), {"listen": listen})

    def _drivers(self, folder: Path) -> tuple[DbApi, PubSubApi]:
        db: DbApi
        if issubclass(self._kind, Bare):
            db = self._kind(self._rich)
        elif self._base is Base.BARE:
            db = Bare(self._rich, self._database())
        else:
            db = self._database()(self._rich)
        return db, self._topics()(self._carrier)

    def _replaced(self, folder: Path) -> Replaceable:
        moved = type("Moved", (MovedMemoryDb, self._database()), {})

        def assemble(db: DbApi, **settings: Any) -> dfbackends.Backend:
            return seated(dfbackends.assemble(db, **settings), self._kind)

        return ReplacedMemory(lambda: made(part(self._kind, Store)), copied, moved, assemble)


def harness(mutant: Mutant) -> Harness:
    """Return the backend of a mutant."""
    if mutant.base is Base.SERVED:
        install()
        return ServedHarness(mutant.name, remote.server(name=SERVED, defect=mutant.name))
    if mutant.base is Base.FILE:
        install()
        if issubclass(mutant.kind, Installed):
            return mutant.kind.harness(mutant.name)
        return ServedHarness(mutant.name, server(FILE, mutant.name))
    return MutantHarness(mutant)
