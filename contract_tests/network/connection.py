"""A connection through a proxy: a client, a server, and what flows between them."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress

from contract_tests.network.flow import Ended, Flow, Mode, together
from contract_tests.network.trap import Trap

# What arrives within this time after the first bytes of an answer belongs to it.
_REST = 0.02
_AT_ONCE = struct.pack("ii", 1, 0)


class Connection:
    """Two sockets. All of it happens on the thread of the network."""

    def __init__(self, client: socket.socket, server: socket.socket, up: Mode, down: Mode) -> None:
        self.client = client
        self.server = server
        self.trap: Trap | None = None
        """What waits for a request on it, or has struck one."""
        self.keeps_server = False
        """Whether the side of the server stays open when this ends."""
        self.replies = True
        """Whether the client gets what the server sends; else the first answer ends the connection."""
        self.waiting = False
        """Whether the client has asked for something and was not answered."""
        self._up = Flow(client, server, up, self._asked)
        self._down = Flow(server, client, down, self._replied)
        self._task: asyncio.Task[None] | None = None
        self._tail = b""

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._task is not None and not self._task.done()

    @property
    def client_waits(self) -> bool:
        """Whether the client is there, and has not ended its side."""
        if not self.alive:
            return False
        try:
            return bool(self.client.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False

    @property
    def lost(self) -> bool:
        """Whether bytes have vanished on it."""
        return self._up.lost or self._down.lost

    def start(self) -> asyncio.Task[None]:
        """Begin to move bytes; the task is done when it has ended."""
        self._task = asyncio.ensure_future(self._run())
        return self._task

    async def _run(self) -> None:
        at_once = True
        try:
            await together(self._up.run(), self._down.run())
            at_once = False
        except (OSError, Ended):
            pass
        finally:
            close(self.client, at_once=at_once)
            if not self.keeps_server:
                close(self.server, at_once=at_once)

    async def end(self) -> None:
        """End it with an RST to both sides."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def half_close(self) -> None:
        """Show the client the end of what comes from the server, which hears it still."""
        self.replies = False
        with suppress(OSError):
            self.client.shutdown(socket.SHUT_WR)

    async def _asked(self, data: bytes) -> bytes:
        self.waiting = bool(data) or self.waiting
        trap = self.trap
        if trap is None:
            return data
        if trap.connection is None:
            self._tail += data
            if trap.needle not in self._tail or not data:
                self._tail = self._tail[-len(trap.needle) :]
                return data
            # The connection may go on, and must not be struck again for what it has asked before.
            self._tail = b""
        return await trap.asked(self, data) if trap.connection in (None, self) else data

    async def _replied(self, data: bytes) -> bytes:
        self.waiting = False
        if self.replies:
            return data
        # The answer may come in pieces, the first of which may belong to another request.
        await asyncio.sleep(_REST)
        raise Ended


def close(end: socket.socket, *, at_once: bool) -> None:
    """Close a socket; at once means that the other side is told by an RST."""
    if at_once:
        with suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    end.close()
