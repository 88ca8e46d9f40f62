"""A line on which the server speaks unasked: one thread reads, any thread sends."""

from __future__ import annotations

import select
import ssl
import threading
import time
from collections.abc import Sequence
from typing import Any

from redis.exceptions import ConnectionError, TimeoutError  # noqa: A004 - those of redis-py.

from dfbackends_redis.resp import INCOMPLETE, Command, packed
from dfbackends_redis.wire import Wire

_READ_SIZE = 262_144
_ENOUGH = 1 << 20

_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class PushLine:
    """Takes over a line."""

    def __init__(self, wire: Wire, timeout: float) -> None:
        self._wire = wire
        self._socket = wire.socket
        self._socket.setblocking(False)
        self._timeout = timeout
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        # Held while the socket is read or written, for moments only: TLS is not for two threads at once.
        self._lock = threading.Lock()
        # Held while one request is sent, so that the parts of two do not mix.
        self._sending = threading.Lock()

    def send(self, commands: Sequence[Command]) -> None:
        """Send requests; any thread.

        :raises redis.ConnectionError: the line broke
        :raises redis.TimeoutError: the server takes nothing
        """
        rest = memoryview(packed(commands))
        until = time.monotonic() + self._timeout
        with self._sending:
            while rest:
                try:
                    with self._lock:
                        rest = rest[self._socket.send(rest) :]
                except _NOT_NOW:
                    poll = select.poll()
                    poll.register(self._socket, select.POLLOUT)
                    if time.monotonic() > until or not poll.poll(max(0.0, until - time.monotonic()) * 1000):
                        raise TimeoutError("the server takes nothing") from None
                except OSError as error:
                    raise ConnectionError(f"sending failed: {type(error).__name__}") from error

    def replies(self, timeout: float) -> list[Any]:
        """Return all that is at hand, after waiting for something; one thread.

        :raises redis.ConnectionError: the line broke, and all that came before was returned
        """
        found = self._at_hand()
        if not found and timeout > 0 and self._poll.poll(timeout * 1000):
            found = self._at_hand()
        return found

    def end(self) -> None:
        """Wake who waits, for good; any thread, never raises."""
        self._wire.end()

    def close(self) -> None:
        """Close it; nobody may use it any more."""
        self._wire.close()

    def _at_hand(self) -> list[Any]:
        reader, size, ended = self._wire.reader, 0, False
        while size < _ENOUGH:
            try:
                with self._lock:
                    data = self._socket.recv(_READ_SIZE)
            except _NOT_NOW:
                break
            except OSError as error:
                if not size:
                    raise ConnectionError(f"receiving failed: {type(error).__name__}") from error
                break
            if not data:
                ended = True
                break
            reader.feed(data)
            size += len(data)
        found = []
        while (reply := reader.gets()) is not INCOMPLETE:
            found.append(reply)
        if ended and not found:
            raise ConnectionError("the server has closed the line")
        return found
