"""A network between a client and a server that fails on demand. No byte is rewritten."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from contract_tests.network.connection import Connection, close
from contract_tests.network.flow import Mode
from contract_tests.network.thread import Network
from contract_tests.network.trap import Hold, Trap

HOST = "127.0.0.1"

_SETTLED = 0.05


class Proxy:
    """Listens on ``port`` and hands on to a server. The methods are called from any thread but that of the network."""

    def __init__(
        self, network: Network, server: tuple[str, int], *, modes: Callable[[int], tuple[Mode, Mode]] | None = None
    ) -> None:
        """Ask ``modes``, by the port of a client, how its bytes and those to it are treated, where not all are treated alike.

        It is asked on the thread of the network.
        """
        self._network = network
        self._server = server
        self._modes = modes
        # Everything below belongs to the thread of the network.
        self._up, self._down = Mode(), Mode()
        self._trap: Trap | None = None
        self._holds: list[Hold] = []
        self._connections: set[Connection] = set()
        self._connecting: dict[asyncio.Task[None], socket.socket] = {}
        self._listening: socket.socket | None = None
        # A socket that does not listen keeps the port while the one that does is closed: else another could get it.
        self._place = _bound(0)
        self.port: int = self._place.getsockname()[1]
        self.accept()

    @property
    def connections(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    def accept(self) -> None:
        """Take connections."""
        self._network.run(self._accept())

    def refuse(self, *, others: bool = False) -> int:
        """Reset all connections, and let the port refuse others, or only that; return how many there were."""
        return self._network.run(self._refuse(others=others))

    def reset(self, *, idle: bool = False) -> int:
        """Reset all connections, or only those on which nobody waits for an answer; return how many there were."""
        return self._network.run(self._reset([each for each in self._connections if not (idle and each.waiting)]))

    def settle(self) -> None:
        """Let what servers have done to connections come to the clients."""
        self._network.run(asyncio.sleep(_SETTLED / 5))

    def half_close(self) -> int:
        """Show each client the proper end of what comes from the server; return how many there were."""
        return self._network.run(self._half_close())

    def impair(self, *, up: Mode | None = None, down: Mode | None = None) -> int:
        """Treat all bytes to the server, and from it, in these ways; return on how many connections that are there."""
        return self._network.run(self._impair(up or Mode(), down or Mode()))

    def mend(self) -> None:
        """Undo all of the above: connections on which bytes have vanished are reset, held requests go on where clients wait."""
        self._network.run(self._mend())

    def set(self, trap: Trap) -> None:
        """Lay a trap for the next request, in place of another one. What has come into that stays there."""
        self._network.run(self._set(trap))

    def remove(self, trap: Trap, *, settle: bool = False) -> bool:
        """Take a trap away, and tell whether a request came into it; ``settle`` lets what was sent before come to it first."""
        return self._network.run(self._remove(trap, settle=settle))

    def release(self, hold: Hold) -> bool:
        """Let a held request arrive, and wait for its answer; tell whether there was one that had not arrived."""
        return self._network.run(hold.release())

    def close(self) -> None:
        """End all connections, and give the port up. Idempotent."""
        self._network.run(self._close())
        self._place.close()

    async def _accept(self) -> None:
        if self._listening is None:
            listening = self._listening = _bound(self.port)
            listening.listen(128)
            listening.setblocking(False)
            # No task takes them: one that is cancelled may have taken one already, which nobody would end.
            asyncio.get_running_loop().add_reader(listening, self._arrived, listening)

    def _arrived(self, listening: socket.socket) -> None:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        client.setblocking(False)
        task = asyncio.ensure_future(self._connect(client))
        self._connecting[task] = client
        task.add_done_callback(self._connecting.pop)

    async def _connect(self, client: socket.socket) -> None:
        server = socket.socket()
        try:
            server.setblocking(False)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(server, self._server)
        except BaseException as error:
            for end in (client, server):
                close(end, at_once=True)
            if isinstance(error, OSError):
                return
            raise
        up, down = (self._up, self._down) if self._modes is None else self._modes(client.getpeername()[1])
        connection = Connection(client, server, up, down)
        connection.trap = self._trap
        self._connections.add(connection)
        connection.start().add_done_callback(lambda _: self._connections.discard(connection))

    async def _refuse(self, *, others: bool = False) -> int:
        listening, self._listening = self._listening, None
        if listening is not None:
            asyncio.get_running_loop().remove_reader(listening)
            for task, client in self._connecting.items():
                task.cancel()
                # A task that has not begun ends nothing.
                close(client, at_once=True)
            await asyncio.gather(*self._connecting, return_exceptions=True)
            # What waits in its queue is told by an RST.
            listening.close()
        return len(self._connections) if others else await self._reset(list(self._connections))

    async def _reset(self, connections: list[Connection]) -> int:
        for connection in connections:
            await connection.end()
        return len(connections)

    async def _half_close(self) -> int:
        for connection in self._connections:
            connection.half_close()
        return len(self._connections)

    async def _impair(self, up: Mode, down: Mode) -> int:
        for mode, wanted in ((self._up, up), (self._down, down)):
            mode.swallows, mode.delay, mode.sliced = wanted.swallows, wanted.delay, wanted.sliced
        return len(self._connections)

    async def _mend(self) -> None:
        await self._impair(Mode(), Mode())
        await self._reset([connection for connection in self._connections if connection.lost])
        for hold in self._holds:
            await hold.thaw()
        await self._accept()

    async def _set(self, trap: Trap | None) -> None:
        self._trap = trap
        if isinstance(trap, Hold):
            self._holds.append(trap)
        for connection in self._connections:
            struck = connection.trap is not None and connection.trap.connection is connection
            if not struck:
                connection.trap = trap

    async def _remove(self, trap: Trap, *, settle: bool) -> bool:
        if settle and trap.connection is None:
            # The client gave up before its bytes were read: they would arrive behind the trap.
            await asyncio.sleep(_SETTLED)
        if self._trap is trap:
            await self._set(None)
        return trap.connection is not None

    async def _close(self) -> None:
        await self._refuse()
        for hold in self._holds:
            await hold.forget()


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((HOST, port))
    return bound
