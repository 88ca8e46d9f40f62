"""One direction of a connection through a proxy."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

CHUNK = 65536

_VISIBLE = 64
_MOMENT = 0.001


class Ended(Exception):
    """A connection is to end at once, with an RST."""


@dataclass
class Mode:
    """What becomes of bytes in one direction, on all connections of a proxy. None is changed."""

    swallows: bool = False
    """They vanish, and nobody is told."""
    delay: float = 0.0
    """Seconds by which each arrives later."""
    sliced: bool = False
    """Each comes by itself."""


class Flow:
    """Moves bytes from one socket to another. ``take`` is given what came, and the empty end; it returns what is to go on."""

    def __init__(
        self, source: socket.socket, sink: socket.socket, mode: Mode, take: Callable[[bytes], Awaitable[bytes]]
    ) -> None:
        self.lost = False
        """Whether bytes have vanished, so that what came behind them would make no sense."""
        self._source = source
        self._sink = sink
        self._mode = mode
        self._take = take
        self._coming: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def run(self) -> None:
        """Return when the source has ended and the sink was told; raise OSError or Ended where the connection has."""
        await together(self._receive(), self._deliver())

    async def _receive(self) -> None:
        loop = asyncio.get_running_loop()
        more = True
        while more:
            data = await loop.sock_recv(self._source, CHUNK)
            more = bool(data)
            data = await self._take(data)
            if self.lost or self._mode.swallows:
                # What comes behind a gap would make no sense.
                self.lost = True
            elif data:
                await self._coming.put((loop.time() + self._mode.delay, data))
        if not self.lost:
            await self._coming.put((loop.time() + self._mode.delay, b""))

    async def _deliver(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await self._coming.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            if not data:
                self._sink.shutdown(socket.SHUT_WR)
                return
            if self._mode.sliced:
                await self._slices(data)
            else:
                await loop.sock_sendall(self._sink, data)

    async def _slices(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        for place in range(len(data)):
            await loop.sock_sendall(self._sink, data[place : place + 1])
            # Long enough for the other side to find nothing behind it; for all bytes of a long text it would take a minute.
            await asyncio.sleep(_MOMENT if place < _VISIBLE else 0)


async def together(*jobs: Coroutine[Any, Any, None]) -> None:
    """Wait for all; should one fail, end the others and raise."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
