"""A line from the server."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any, TypeVar

from contract_tests.mutants.remote import frames
from contract_tests.mutants.remote.client import Connection, LineLost
from contract_tests.mutants.remote.frames import framed
from dfbackends.api import Alive, Confirmed, Denied, Feed, Gone, Position

T = TypeVar("T")
M = TypeVar("M")


class RemoteFeed(Feed[T, M]):
    """Reads events as the server sends them."""

    def __init__(self, connection: Connection, verb: str, after: Position | None, until: float, timeout: float) -> None:
        self._position: Position | None = connection.ask([verb, after], until)
        self._socket, self._buffer = connection.socket, connection.buffer
        self._socket.settimeout(timeout)
        self._begun = False
        # Guards what is sent.
        self._sending = threading.Lock()
        # Guards the two below: the socket is closed when nobody waits for it.
        self._lock = threading.Lock()
        self._receiving = False
        self._closed = False

    @property
    def position(self) -> Position | None:
        return self._position

    def subscribe(self, topics: Sequence[T]) -> None:
        self._send("subscribe", topics)

    def unsubscribe(self, topics: Sequence[T]) -> None:
        self._send("unsubscribe", topics)

    def probe(self) -> bool:
        self._send("ping", ())
        return True

    def receive(self, timeout: float) -> Sequence[M | Confirmed[T] | Denied[T] | Alive]:
        if not self._begun:
            self._send("begin", ())
            self._begun = True
        with self._lock:
            self._receiving = not self._closed
        if not self._receiving:
            raise LineLost("closed")
        try:
            return self._received(timeout)
        except OSError as error:
            raise LineLost(type(error).__name__) from error
        finally:
            with self._lock:
                self._receiving = False
                if self._closed:
                    self._socket.close()

    def _received(self, timeout: float) -> list[Any]:
        until = time.monotonic() + timeout
        found: list[Any] = []
        while True:
            while (frame := self._buffer.next()) is not None:
                events, position = frame
                if events is None:
                    raise Gone("overtaken")
                found += map(frames.event, events)
                self._position = position or self._position
            if found or not select.select([self._socket], [], [], max(0.0, until - time.monotonic()))[0]:
                return found
            data = self._socket.recv(65536)
            if not data:
                raise LineLost("the server has closed the line")
            self._buffer.feed(data)

    def _send(self, what: str, topics: Sequence[T]) -> None:
        try:
            with self._sending:
                self._socket.sendall(framed([what, list(topics)]))
        except OSError as error:
            raise LineLost(type(error).__name__) from error

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            if not self._receiving:
                self._socket.close()
