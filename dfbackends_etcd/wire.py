"""A line of gRPC to one member: one thread reads, any thread sends.

What gRPC sends is little: messages with their lengths before them, on streams of HTTP/2. Why that is done here stands in
ADR 14.
"""

from __future__ import annotations

import contextlib
import math
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote

from dfbackends_etcd.access import Access, Address, Metadata
from dfbackends_etcd.errors import LineLost
from dfbackends_etcd.frames import packed
from dfbackends_etcd.http2 import Connection, Data, Event, Headers

_READ_SIZE = 262_144
_ENOUGH = 1 << 20

_PREFIX = struct.Struct(">BI")
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Part(NamedTuple):
    """A message that has arrived on a stream."""

    stream: int
    data: bytes


class End(NamedTuple):
    """The member has ended a stream, with a status of gRPC: 0 is well."""

    stream: int
    status: int
    text: str


class Wire:
    """Connects at once, until a time (time.monotonic) at most.

    :raises NotTrusted: client and server do not agree on TLS
    :raises NotConnected: nobody answers
    """

    def __init__(self, address: Address, access: Access, until: float = math.inf) -> None:
        self.used = 0.0
        """When it was used last (time.monotonic), for who keeps it."""
        self._timeout = access.timeout
        self._socket = access.connected(address, until)
        self._socket.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        tls = access.tls
        self._scheme, self._name = ("http", str(address)) if tls is None else ("https", tls.name or str(address))
        # Held while the socket, or the state of the protocol, is used; for moments only. What is collected as garbage meanwhile
        # may close it.
        self._lock = threading.RLock()
        self._protocol = Connection()
        # What is to be sent before all else.
        self._rest = memoryview(b"")
        self._closed = False
        self._received: dict[int, bytearray] = {}
        self._failure: Exception | None = None

    def open(self, path: str, metadata: Metadata) -> int:
        """Begin a call with what is sent next, and return the number of its stream.

        :raises LineLost: the line broke
        """
        with self._lock:
            self._check()
            stream = self._protocol.begin(_headers(self._scheme, self._name, path, metadata))
            self._received[stream] = bytearray()
        return stream

    def send(self, stream: int, messages: Iterable[Any], *, last: bool = False, until: float | None = None) -> None:
        """Send messages on a stream, by default in as long as a call may take; nothing follows the ``last`` ones.

        What the member does not take yet goes out when it does, while somebody receives.

        :raises LineLost: the line broke, or the member takes nothing
        """
        texts = [message.SerializeToString() for message in messages]
        data = b"".join([_PREFIX.pack(0, len(text)) + text for text in texts])
        with self._lock:
            self._check()
            self._protocol.send(stream, data, last=last)
        self._flush(time.monotonic() + self._timeout if until is None else until)

    def receive(self, timeout: float) -> list[Part | End]:
        """Return all that is at hand, after waiting for something; one thread.

        :raises LineLost: the line broke, and all that came before was returned
        """
        found = self._at_hand()
        if not found and timeout > 0:
            self._poll.modify(self._socket, select.POLLIN | select.POLLOUT if self._rest else select.POLLIN)
            if self._poll.poll(timeout * 1000):
                found = self._at_hand()
        return found

    @property
    def most(self) -> int:
        """How many calls may be under way at once."""
        return self._protocol.most

    @property
    def worn(self) -> bool:
        """Whether it has taken so many calls that it should take no more."""
        return self._protocol.worn

    def end(self) -> None:
        """Wake who waits, for good; any thread, never raises."""
        with self._lock, contextlib.suppress(OSError):
            if not self._closed:
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close it; nobody may use it any more."""
        with self._lock:
            self._closed = True
            self._socket.close()

    def _check(self) -> None:
        if self._closed:
            raise LineLost("the line is closed")
        if self._failure is not None:
            raise LineLost("the line has ended") from self._failure

    def _at_hand(self) -> list[Part | End]:
        found: list[Part | End] = []
        size = 0
        while size < _ENOUGH and self._failure is None:
            try:
                with self._lock:
                    data = self._socket.recv(_READ_SIZE)
                    if not data:
                        raise LineLost("the member has closed the line")
                    self._take(data, found)
            except _NOT_NOW:
                break
            except (OSError, LineLost, ValueError) as error:
                self._failure = error
            else:
                size += len(data)
        if not found:
            self._check()
        if self._failure is None:
            # The member is told what was taken, and is sent what it takes now.
            try:
                self._flush(None)
            except LineLost:
                if not found:
                    raise
        return found

    def _take(self, data: bytes, found: list[Part | End]) -> None:
        """Add what data tells; also where it tells that the line ends, what came before."""
        touched: dict[int, None] = {}
        events: list[Event] = []
        try:
            try:
                self._protocol.take(data, events)
            finally:
                for event in events:
                    self._take_one(event, touched, found)
        finally:
            self._cut(touched, found)

    def _take_one(self, event: Event, touched: dict[int, None], found: list[Part | End]) -> None:
        stream = event.stream
        if stream not in self._received:
            # It has had its status.
            return
        if isinstance(event, Data):
            self._received[stream] += event.data
            touched[stream] = None
        elif isinstance(event, Headers):
            status = event.values.get(b"grpc-status")
            if status is not None:
                self._cut(touched, found)
                del self._received[stream]
                found.append(End(stream, int(status), unquote(event.values.get(b"grpc-message", b"").decode())))
            elif event.values.get(b":status", b"200") != b"200":
                raise LineLost("what answers is no etcd")
        else:
            raise LineLost("a call has ended without a status")

    def _cut(self, touched: dict[int, None], found: list[Part | End]) -> None:
        """Cut what has arrived into messages."""
        for stream in touched:
            buffer, at = self._received[stream], 0
            while len(buffer) - at >= _PREFIX.size:
                compressed, size = _PREFIX.unpack_from(buffer, at)
                begin = at + _PREFIX.size
                if compressed:
                    raise LineLost("a message is compressed, which nobody asked for")
                if len(buffer) - begin < size:
                    break
                at = begin + size
                with memoryview(buffer) as view:
                    found.append(Part(stream, bytes(view[begin:at])))
            del buffer[:at]
        touched.clear()

    def _flush(self, until: float | None) -> None:
        """Send what is to be sent, until a time (time.monotonic) at most; as much as goes at once without one."""
        while True:
            try:
                with self._lock:
                    self._check()
                    if not self._rest:
                        self._rest = memoryview(self._protocol.outgoing())
                    if not self._rest:
                        return
                    self._rest = self._rest[self._socket.send(self._rest) :]
            except _NOT_NOW:
                if until is None:
                    return
                self._wait(until)
            except OSError as error:
                self._failure = error
                raise LineLost(f"sending failed: {type(error).__name__}") from error

    def _wait(self, until: float) -> None:
        poll = select.poll()
        with self._lock:
            self._check()
            poll.register(self._socket, select.POLLOUT)
        if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
            raise LineLost("the member takes nothing")


@lru_cache(maxsize=64)
def _headers(scheme: str, name: str, path: str, metadata: Metadata) -> bytes:
    own = ((":method", "POST"), (":scheme", scheme), (":path", path), (":authority", name), ("te", "trailers"))
    return packed((*own, ("content-type", "application/grpc"), *metadata))
