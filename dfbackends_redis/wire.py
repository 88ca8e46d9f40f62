"""A line to a server: requests go out, replies come back in their order."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import time
from typing import Any

from redis.connection import AbstractConnection
from redis.exceptions import ConnectionError, NoPermissionError, TimeoutError  # noqa: A004 - those of redis-py.

from dfbackends_redis.resp import INCOMPLETE, Command, Reader, packed, reader
from dfbackends_redis.scripts import Script

_READ_SIZE = 65_536


class Wire:
    """A connection of redis-py that is logged in; from then on its socket is ours, since redis-py asks the kernel seven times
    a command. One thread uses it at a time. It is closed once a call of it has raised."""

    def __init__(self, connection: AbstractConnection, timeout: float) -> None:
        self._connection = connection
        # There is no public way to it, and all versions have it.
        self.socket: socket.socket = getattr(connection, "_sock")  # noqa: B009 - to mypy it is always None.
        self.reader: Reader = reader()
        self._poll = select.poll()
        self._poll.register(self.socket, select.POLLIN)
        self._timeout = timeout
        self._limit(timeout)
        self.opened: float = time.monotonic()
        self.used: float = self.opened

    def prepare(self, name: str, scripts: tuple[Script, ...]) -> None:
        """Tell the server who this is, and the scripts."""
        commands: list[Command] = [("CLIENT", "SETNAME", name)]
        commands += [("SCRIPT", "LOAD", script.text) for script in scripts]
        self.send(packed(commands))
        # A name is a courtesy to the operator, which needs a right. Anything else said here is about the line.
        first = self.reply()
        if isinstance(first, Exception) and not isinstance(first, NoPermissionError):
            raise first
        for _ in scripts:
            answer = self.reply()
            if isinstance(answer, Exception):
                raise answer

    def ask(self, request: bytes) -> Any:
        """Send one request and return its reply; an error is returned, too.

        :raises redis.ConnectionError: the line broke; the request may have been done
        :raises redis.TimeoutError: no reply came; the request may have been done
        """
        self.send(request)
        return self.reply()

    def send(self, request: bytes) -> None:
        """Send requests; for each of them ``reply`` is to be called."""
        try:
            self.socket.sendall(request)
        except (BlockingIOError, socket.timeout) as error:  # noqa: UP041 - that of Python 3.9 is another one.
            raise TimeoutError("the server takes nothing") from error
        except OSError as error:
            raise ConnectionError(f"sending failed: {type(error).__name__}") from error

    def reply(self) -> Any:
        """Return the next reply; an error is returned, too."""
        answer = self.reader.gets()
        while answer is INCOMPLETE:
            try:
                data = self.socket.recv(_READ_SIZE)
            except (BlockingIOError, socket.timeout) as error:  # noqa: UP041
                raise TimeoutError("the server does not answer") from error
            except OSError as error:
                raise ConnectionError(f"receiving failed: {type(error).__name__}") from error
            if not data:
                raise ConnectionError("the server has closed the line")
            self.reader.feed(data)
            answer = self.reader.gets()
        return answer

    def within(self, seconds: float) -> None:
        """Wait for replies no longer than this from now on, nor than the time-out."""
        self._limit(max(0.001, min(seconds, self._timeout)))

    def renew(self) -> None:
        """Wait for replies as long as the time-out again."""
        self._limit(self._timeout)

    @property
    def well(self) -> bool:
        """Whether the line can be used, as far as can be told at once: nothing may arrive that was not asked for."""
        return not self.readable

    @property
    def readable(self) -> bool:
        """Whether something has arrived, or the line has ended."""
        return bool(self._poll.poll(0))

    def end(self) -> None:
        """Wake who waits, for good; any thread, never raises."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close it; never raises, twice is harmless."""
        self._connection.disconnect()

    def _limit(self, seconds: float) -> None:
        if isinstance(self.socket, ssl.SSLSocket):
            self.socket.settimeout(seconds)
            return
        # The kernel then does the waiting: a time-out of Python's costs a system call more for each that it guards.
        self.socket.settimeout(None)
        value = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)
