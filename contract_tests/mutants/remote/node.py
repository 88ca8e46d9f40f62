"""What a process serves: its part of the store, and whether it stands by."""

from __future__ import annotations

import contextlib
import socket

from dfbackends.drivers.memory import MemoryDb, MemoryPubSub
from dfbackends.drivers.sqlite import File, SqliteDb, SqlitePubSub, Trim

KEPT = 200.0

_REFUSING = {"full": ("write", "commit", "publish"), "read_only": ("write", "commit", "publish", "drop"), "overloaded": None}


class Node:
    """The store, the state that it was put into, and the sessions that use it."""

    db_kind: type[SqliteDb] = SqliteDb

    def __init__(self, path: str, *, stands_by: bool) -> None:
        self.stands_by = stands_by
        self.state = ""
        self.sessions: set[socket.socket] = set()
        self.open(path)

    def open(self, path: str) -> None:
        """Open the store."""
        file, trim = File(path), Trim(rows=100_000, keep=KEPT)
        self.db: MemoryDb | SqliteDb = self.db_kind(file, trim)
        self.pubsub: MemoryPubSub | SqlitePubSub = SqlitePubSub(file, trim)

    def stand_by(self, asked: socket.socket) -> None:
        """Serve no longer, and end all sessions but the one that has asked."""
        self.stands_by = True
        for session in self.sessions - {asked}:
            with contextlib.suppress(OSError):
                session.shutdown(socket.SHUT_RDWR)

    def refuses(self, verb: str) -> str:
        """Return the state that lets a request be refused, or nothing."""
        verbs = _REFUSING.get(self.state, ("",))
        return self.state if verbs is None or verb in verbs else ""
