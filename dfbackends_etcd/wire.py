"""A line of gRPC to one member on which the member speaks unasked: one thread reads, any thread sends.

The package grpc can not wait for a message of a stream and give up after some time, and has threads of its own for it, which
no fork survives. What it sends is a few lines: messages with their lengths before them, on streams of HTTP/2.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, ResponseReceived, StreamEnded, StreamReset, TrailersReceived
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from dfbackends_etcd.access import Access, Address
from dfbackends_etcd.errors import LineLost

_READ_SIZE = 262_144
_ENOUGH = 1 << 20
_WINDOW = 1 << 24
"""Bytes that a member may send before we have taken any."""

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
    """Connects at once.

    :raises NotTrusted: client and server do not agree on TLS
    :raises NotConnected: nobody answers
    """

    def __init__(self, address: Address, access: Access) -> None:
        self._timeout = access.timeout
        self._socket = access.connected(address)
        self._socket.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        scheme, name = ("https", access.tls.name or str(address)) if access.tls is not None else ("http", str(address))
        self._common = [(":method", "POST"), (":scheme", scheme), (":authority", name), ("te", "trailers")]
        # Held while the socket, or the state of the protocol, is used; for moments only.
        self._lock = threading.Lock()
        # Held while one message is sent, so that the parts of two do not mix.
        self._sending = threading.Lock()
        config = H2Configuration(client_side=True, header_encoding=None, validate_inbound_headers=False)
        self._protocol = H2Connection(config)
        settings = {SettingCodes.ENABLE_PUSH: 0, SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW}
        self._protocol.local_settings = Settings(client=True, initial_values=settings)
        self._protocol.initiate_connection()
        self._protocol.increment_flow_control_window(_WINDOW)
        self._unsent: deque[tuple[int, bytes, bool]] = deque()
        self._received: dict[int, bytearray] = {}
        self._failure: Exception | None = None

    def open(self, path: str, metadata: Iterable[tuple[str, str]]) -> int:
        """Begin a call, and return the number of its stream; errors as for ``send``."""
        headers = [*self._common, (":path", path), ("content-type", "application/grpc"), *metadata]
        # Those that begin with a colon come first.
        headers.sort(key=lambda header: header[0][0] != ":")
        with self._sending:
            with self._lock, _protocol():
                stream = self._protocol.get_next_available_stream_id()
                self._protocol.send_headers(stream, headers)
                self._received[stream] = bytearray()
            self._flush()
        return stream

    def send(self, stream: int, messages: Iterable[Any], *, last: bool = False) -> None:
        """Send messages on a stream; nothing follows the ``last`` ones.

        :raises LineLost: the line broke, or the member takes nothing
        """
        texts = [message.SerializeToString() for message in messages]
        data = b"".join(_PREFIX.pack(0, len(text)) + text for text in texts)
        with self._sending:
            with self._lock, _protocol():
                self._unsent.append((stream, data, last))
                self._allow()
            self._flush()

    def receive(self, timeout: float) -> list[Part | End]:
        """Return all that is at hand, after waiting for something; one thread.

        :raises LineLost: the line broke, and all that came before was returned
        """
        found = self._at_hand()
        if not found and timeout > 0 and self._poll.poll(timeout * 1000):
            found = self._at_hand()
        return found

    def end(self) -> None:
        """Wake who waits, for good; any thread, never raises."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close it; nobody may use it any more."""
        self._socket.close()

    def _at_hand(self) -> list[Part | End]:
        found: list[Part | End] = []
        size = 0
        while size < _ENOUGH and self._failure is None:
            try:
                with self._lock, _protocol():
                    data = self._socket.recv(_READ_SIZE)
                    if not data:
                        raise LineLost("the member has closed the line")
                    self._take(data, found)
            except _NOT_NOW:
                break
            except (OSError, LineLost) as error:
                self._failure = error
            else:
                size += len(data)
        if self._failure is not None and not found:
            raise LineLost("the line has ended") from self._failure
        # The member is told what was taken. Where somebody else sends, that is for the next time: his turn may wait for ours.
        if self._failure is None and self._sending.acquire(blocking=False):
            try:
                self._flush()
            finally:
                self._sending.release()
        return found

    def _take(self, data: bytes, found: list[Part | End]) -> None:
        """Add what data tells; also where it tells that the line ends, what came before."""
        touched: dict[int, None] = {}
        try:
            for event in self._protocol.receive_data(data):
                self._take_one(event, touched, found)
        finally:
            self._cut(touched, found)
        self._allow()

    def _take_one(self, event: Any, touched: dict[int, None], found: list[Part | End]) -> None:
        if isinstance(event, DataReceived):
            self._received.setdefault(event.stream_id, bytearray()).extend(event.data)
            if event.flow_controlled_length:
                self._protocol.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            touched[event.stream_id] = None
        elif isinstance(event, ResponseReceived | TrailersReceived):
            headers = dict(event.headers)
            if b"grpc-status" in headers:
                self._cut(touched, found)
                text = unquote(headers.get(b"grpc-message", b"").decode())
                found.append(End(event.stream_id, int(headers[b"grpc-status"]), text))
            elif headers.get(b":status", b"200") != b"200":
                raise LineLost("what answers is no etcd")
        elif isinstance(event, StreamEnded):
            self._cut(touched, found)
            self._received.pop(event.stream_id, None)
        elif isinstance(event, StreamReset):
            raise LineLost(f"the member has reset a stream: {event.error_code}")
        elif isinstance(event, ConnectionTerminated):
            raise LineLost(f"the member has ended the line: {event.error_code}")

    def _cut(self, touched: dict[int, None], found: list[Part | End]) -> None:
        """Cut what has arrived into messages."""
        for stream in touched:
            buffer, at = self._received[stream], 0
            while len(buffer) - at >= _PREFIX.size:
                packed, size = _PREFIX.unpack_from(buffer, at)
                begin = at + _PREFIX.size
                if packed:
                    raise LineLost("a message is packed, which nobody asked for")
                if len(buffer) - begin < size:
                    break
                at = begin + size
                found.append(Part(stream, bytes(buffer[begin:at])))
            del buffer[:at]
        touched.clear()

    def _allow(self) -> None:
        """Give the protocol as much as the member takes now; the rest goes when it has said that it takes more."""
        protocol = self._protocol
        while self._unsent:
            stream, data, last = self._unsent[0]
            size = min(protocol.local_flow_control_window(stream), protocol.max_outbound_frame_size)
            if data and not size:
                return
            done = len(data) <= size
            protocol.send_data(stream, data[:size], end_stream=last and done)
            if done:
                self._unsent.popleft()
            else:
                self._unsent[0] = stream, data[size:], last

    def _flush(self) -> None:
        with self._lock:
            rest = memoryview(self._protocol.data_to_send())
        until = time.monotonic() + self._timeout
        while rest:
            try:
                with self._lock:
                    rest = rest[self._socket.send(rest) :]
            except _NOT_NOW:
                poll = select.poll()
                poll.register(self._socket, select.POLLOUT)
                if time.monotonic() > until or not poll.poll(max(0.0, until - time.monotonic()) * 1000):
                    raise LineLost("the member takes nothing") from None
            except OSError as error:
                raise LineLost(f"sending failed: {type(error).__name__}") from error


@contextlib.contextmanager
def _protocol() -> Iterator[None]:
    """Raise LineLost for what is against the protocol: the member, or the line, has ended what is used."""
    try:
        yield
    except ProtocolError as error:
        raise LineLost(f"the line is out of step: {type(error).__name__}") from error
