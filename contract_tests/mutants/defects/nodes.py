"""Nodes of a server that do not have what another one had."""

from __future__ import annotations

import socket
import sys

from contract_tests.mutants.ahead import Ahead
from contract_tests.mutants.registry import Base, mutant
from contract_tests.mutants.remote.node import KEPT, Node
from dfbackends.drivers.memory import MemoryDb, MemoryPubSub, shared

_SERVES_FIRST = "stands by" not in sys.argv
_TURN = 1 << 40


@mutant(kills="test_a_server_that_is_killed_under_load", base=Base.SERVED)
class NothingIsWritten(Node):
    """A server acknowledges what it has in memory, and writes none of it down."""

    def open(self, path: str) -> None:
        store = shared("served", log_rows=100_000, keep=KEPT)
        self.db, self.pubsub = MemoryDb(store), MemoryPubSub(store)


@mutant(kills="test_what_was_acknowledged_survives_a_failover", base=Base.SERVED)
class NothingIsReplicated(Node):
    """Each node has a file of its own."""

    def open(self, path: str) -> None:
        super().open(f"{path}-{_SERVES_FIRST}")


class _Ahead(Ahead):
    by = (1 << 50) if _SERVES_FIRST else (1 << 50) - _TURN


@mutant(kills="test_a_revision_from_before_a_failover", base=Base.SERVED)
class RevisionsAreOfTheNode(Node):
    """The node that takes over counts revisions that are lower than those of the one before."""

    def open(self, path: str) -> None:
        self.db_kind = _Ahead
        super().open(path)

    def stand_by(self, asked: socket.socket) -> None:
        super().stand_by(asked)
        assert isinstance(self.db, _Ahead)
        self.db.by -= 2 * _TURN
