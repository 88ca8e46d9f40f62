"""One process of Redis, a server or a sentinel."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import redis

from contract_tests.servers.node import HOST, Node, free_port
from contract_tests.waiting import eventually
from dfbackends_redis.testing.program import PROGRAM
from dfbackends_redis.testing.secure import Secure

_TIMEOUT = 5.0
_BUS = 10_000
_GIVEN = 32_768


class RedisServer(Node):
    """Keeps its data, its log and its configuration, which it rewrites itself when its part changes, in a folder."""

    def __init__(
        self,
        folder: Path,
        *settings: str,
        port: int | None = None,
        watches: Sequence[str] = (),
        bind: str = HOST,
        secure: Secure | None = None,
    ) -> None:
        """Take settings as on the command line; what a sentinel ``watches`` as lines of its file. Without ``bind`` on all."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        port = port or free_port()
        self._secure = secure
        file = folder / "redis.conf"
        if not file.exists():
            bound = [f"bind {bind}"] if bind else []
            ports = ["port 0", f"tls-port {port}", *secure.settings] if secure else [f"port {port}"]
            file.write_text("\n".join([*ports, *bound, f"dir {folder}", 'save ""', *watches]) + "\n")
        command = [PROGRAM.path(), str(file), *(["--sentinel"] if watches else settings)]
        super().__init__(command, port, folder / "log")

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self.pid is not None

    def client(self, **settings: object) -> redis.Redis:
        """Return a client of redis-py."""
        secure = self._secure.client if self._secure else {}
        known: dict[str, Any] = {"decode_responses": True, "socket_timeout": _TIMEOUT, **secure, **settings}
        return redis.Redis(HOST, self.port, **known)

    def ask(self, *command: str | int) -> object:
        """Return the answer to a command."""
        with self.client() as client:
            return client.execute_command(*command)

    def lines(self, name: str) -> int:
        """Return how many connections of a name there are."""
        with self.client() as client:
            return sum(line["name"] == name for line in client.client_list())

    @property
    def serves(self) -> bool:
        """Whether it has loaded its data, and is a master, or a replica that has what its master has."""
        with self.client() as client:
            info = client.info()
        return bool(not info.get("loading") and (info.get("role", "master") == "master" or info["master_link_status"] == "up"))

    def _answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), 1.0) as line, self._secured(line) as secured:
                secured.sendall(b"PING\r\n")
                return bool(secured.recv(64))
        except OSError:
            return False

    def _secured(self, line: socket.socket) -> socket.socket:
        return self._secure.wrapped(line) if self._secure else line


def until(holds: Callable[[], bool], what: str, timeout: float = 20.0) -> None:
    """Wait; a server that does not answer meanwhile is no answer."""

    def found() -> bool:
        try:
            return holds()
        except redis.RedisError:
            return False

    eventually(found, what, timeout)


def port_with_bus() -> int:
    """Return a port that is free, as is the one of its bus, which is ten thousand higher.

    Both are below those that the system gives to whoever connects to something, and which are taken at any time.
    """
    while True:
        port = free_port() % (_GIVEN - 2 * _BUS) + _BUS
        try:
            with socket.socket() as own, socket.socket() as bus:
                own.bind((HOST, port))
                bus.bind((HOST, port + _BUS))
        except OSError:
            continue
        return port
