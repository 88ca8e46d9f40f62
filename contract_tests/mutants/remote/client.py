"""The client: connections with time-outs, kept for the next call."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from contract_tests.mutants.remote.frames import Buffer, framed
from dfbackends.api import Gone
from dfbackends.errors import ErrorTable, Meaning, OutcomeUnknown, Refused, Unavailable


class RemoteError(Exception):
    """The base of what this client raises."""


class NotConnected(RemoteError):
    """There is no connection; nothing was sent."""


class StandsBy(NotConnected):
    """This node does not serve; another one does."""


class NoAnswer(RemoteError):
    """The request was sent, and not answered."""


class AccessDenied(RemoteError):
    """The server does not know this client."""


class Said(RemoteError):
    """The server refused the request; the text is its reason."""


class LineLost(RemoteError):
    """A feed has ended."""


ERRORS: ErrorTable = [
    Meaning(NotConnected, None, Unavailable, "unreachable"),
    Meaning(NoAnswer, None, OutcomeUnknown, "unreachable"),
    Meaning(AccessDenied, None, Refused, "unauthenticated"),
    Meaning(Said, "full", Refused, "full"),
    Meaning(Said, "read_only", Unavailable, "read_only"),
    Meaning(Said, "overloaded", Unavailable, "overloaded"),
    Meaning(LineLost, None, Unavailable, "unreachable"),
]


class Connection:
    """A socket that has been greeted. ``until`` is when a call must have ended (time.monotonic)."""

    def __init__(self, address: tuple[str, int], until: float) -> None:
        try:
            self.socket = socket.create_connection(address, timeout=_left(until))
        except OSError as error:
            raise NotConnected(type(error).__name__) from error
        self.buffer = Buffer()
        try:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.ask(["hello"], until)
        except NoAnswer as error:
            self.close()
            raise NotConnected("no greeting") from error
        except BaseException:
            self.close()
            raise

    def ask(self, request: Any, until: float) -> Any:
        """Return the answer to a request.

        :raises NoAnswer: there was none; the connection is of no further use
        """
        try:
            self.socket.settimeout(_left(until))
            self.socket.sendall(framed(request))
            while (answer := self.buffer.next()) is None:
                self.socket.settimeout(_left(until))
                data = self.socket.recv(65536)
                if not data:
                    raise NoAnswer("the server has closed the connection")
                self.buffer.feed(data)
        except OSError as error:
            raise NoAnswer(type(error).__name__) from error
        status, *found = answer
        if status == "ok":
            return found[0]
        if status == "gone":
            raise Gone("this position is not known")
        if status == "stands by":
            raise StandsBy("it stands by")
        raise AccessDenied if status == "denied" else Said(status)

    @property
    def stale(self) -> bool:
        """Whether something came that nobody asked for: the end, that is."""
        return bool(select.select([self.socket], [], [], 0)[0])

    def close(self) -> None:
        """End it."""
        self.socket.close()


class Client:
    """Idle connections to the node that serves. Any thread."""

    connection_kind = Connection

    def __init__(self, addresses: Sequence[tuple[str, int]], timeout: float) -> None:
        self.addresses = list(addresses)
        self.timeout = timeout
        # Guards the three below.
        self._lock = threading.Lock()
        self._serving = 0
        self._idle: list[Connection] = []
        self._closed = False

    def connect(self, until: float) -> Connection:
        """Return a new connection, to the node that served last, or to the next one that does.

        :raises NotConnected: none does
        """
        with self._lock:
            first = self._serving
        for place in (*range(first, len(self.addresses)), *range(first)):
            try:
                connection = self.connection_kind(self.addresses[place], until)
            except NotConnected as error:
                failure = error
                continue
            with self._lock:
                self._serving = place
            return connection
        raise failure

    def call(self, *request: Any) -> Any:
        """Return the answer to a request."""
        with self.connection() as (connection, until):
            return connection.ask(request, until)

    @contextmanager
    def connection(self) -> Iterator[tuple[Connection, float]]:
        """Lend a connection that nobody else uses meanwhile; it is thrown away where the call failed without a word."""
        until = time.monotonic() + self.timeout
        connection = self._taken() or self.connect(until)
        usable = False
        try:
            yield connection, until
            usable = True
        except (AccessDenied, Said):
            usable = True
            raise
        finally:
            self._given_back(connection, usable=usable)

    def close(self) -> None:
        """Close all."""
        with self._lock:
            self._closed, idle, self._idle = True, self._idle, []
        for connection in idle:
            connection.close()

    def _taken(self) -> Connection | None:
        while True:
            with self._lock:
                if self._closed:
                    raise NotConnected("closed")
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if not connection.stale:
                return connection
            connection.close()

    def _given_back(self, connection: Connection, *, usable: bool) -> None:
        with self._lock:
            if usable and not self._closed:
                self._idle.append(connection)
                return
        with contextlib.suppress(OSError):
            connection.close()


def _left(until: float) -> float:
    return max(0.001, until - time.monotonic())
