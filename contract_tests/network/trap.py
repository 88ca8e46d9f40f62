"""What happens to one request on its way through a proxy."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from contract_tests.network.flow import CHUNK, Ended

if TYPE_CHECKING:
    from contract_tests.network.connection import Connection

# A client that has sent nothing more for this time has sent its request.
_QUIET = 0.02
_ANSWER = 5.0


def _nothing() -> None:
    """Be nobody who wants to know."""


class Trap(ABC):
    """Waits for the first bytes from a client that have ``needle`` in them, at one proxy or at several.

    All of it happens on the thread of the network.
    """

    def __init__(self, needle: bytes = b"", on_struck: Callable[[], None] = _nothing) -> None:
        """Call ``on_struck``, on the thread of the network, when there is one."""
        self.needle = needle
        self._on_struck = on_struck
        self.connection: Connection | None = None
        """The one that was struck."""

    async def asked(self, connection: Connection, data: bytes) -> bytes:
        """Return what is to go on of the request that is struck, and of all that follows on its connection."""
        if self.connection is None:
            self.connection = connection
            self._on_struck()
        return await self.struck(connection, data)

    @abstractmethod
    async def struck(self, connection: Connection, data: bytes) -> bytes:
        """Do it."""


class DropRequest(Trap):
    """The request vanishes, and the connection is reset."""

    async def struck(self, connection: Connection, data: bytes) -> bytes:
        raise Ended


class DropReply(Trap):
    """The request arrives, and in place of the answer comes a reset."""

    async def struck(self, connection: Connection, data: bytes) -> bytes:
        connection.replies = False
        return data


class HalfClose(Trap):
    """The request vanishes, and the client sees the end of what comes from the server, properly closed."""

    async def struck(self, connection: Connection, data: bytes) -> bytes:
        connection.half_close()
        return b""


class CutInside(Trap):
    """The first part of the request arrives, then the connection is reset; ``share`` is how large a part."""

    def __init__(self, needle: bytes = b"", on_struck: Callable[[], None] = _nothing, *, share: float = 0.5) -> None:
        super().__init__(needle, on_struck)
        self._share = share

    async def struck(self, connection: Connection, data: bytes) -> bytes:
        with suppress(OSError):
            await asyncio.get_running_loop().sock_sendall(connection.server, data[: int(len(data) * self._share)])
        raise Ended


class Hold(Trap):
    """The request is kept, and arrives when it is released; the client is kept waiting, or reset where it ``gives_up``."""

    def __init__(self, needle: bytes = b"", on_struck: Callable[[], None] = _nothing, *, gives_up: bool) -> None:
        super().__init__(needle, on_struck)
        self.abandoned = False
        """Whether the client waits for the answer no more, though it may use the connection for others."""
        self._gives_up = gives_up
        self._held = b""
        self._kept = True

    async def struck(self, connection: Connection, data: bytes) -> bytes:
        if not self._kept:
            return data
        self._held += data
        connection.keeps_server = True
        if self._gives_up:
            await self._rest(connection)
            raise Ended
        if not data:
            raise Ended
        return b""

    async def _rest(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        with suppress(asyncio.TimeoutError, OSError):
            while data := await asyncio.wait_for(loop.sock_recv(connection.client, CHUNK), _QUIET):
                self._held += data

    async def thaw(self) -> None:
        """Let the request go on where its client still waits for the answer; else it may have its connection for others."""
        # Once: what has arrived must not arrive again when the network is mended another time.
        if not self._kept or self.connection is None:
            return
        if self.abandoned:
            await self.connection.end()
        elif self.connection.client_waits:
            await self._go_on(self.connection)

    async def release(self) -> bool:
        """Let the request arrive, and return when the server has answered; tell whether there was one that had not arrived."""
        connection = self.connection
        if connection is None or not self._kept:
            return False
        await self._go_on(connection)
        if not connection.alive:
            loop = asyncio.get_running_loop()
            with suppress(asyncio.TimeoutError, OSError):
                await asyncio.wait_for(loop.sock_recv(connection.server, CHUNK), _ANSWER)
                while await asyncio.wait_for(loop.sock_recv(connection.server, CHUNK), _QUIET):
                    pass
            connection.server.close()
        return True

    async def forget(self) -> None:
        """Give up what is held for good."""
        if self._kept and self.connection is not None:
            self._kept = False
            self.connection.server.close()

    async def _go_on(self, connection: Connection) -> None:
        self._kept = False
        if connection.alive:
            # From now on it is one like the others, for the next trap, too.
            connection.keeps_server, connection.trap = False, None
        with suppress(OSError):
            await asyncio.get_running_loop().sock_sendall(connection.server, self._held)
