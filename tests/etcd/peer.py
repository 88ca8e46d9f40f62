"""A server of HTTP/2 that does what no etcd does, on demand."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from contract_tests.servers.node import HOST
from dfbackends_etcd.access import Access, Address
from dfbackends_etcd.channel import Call, Channel
from dfbackends_etcd.stubs import rpc, services

ACCESS = Access(timeout=2.0)
ASKED = rpc.RangeRequest(key=b"k")


def ranged(channel: Channel) -> Call:
    """Return the call that answers ``ASKED``."""
    call: Call = services.KVStub(channel).Range
    return call


def framed(data: bytes) -> bytes:
    """Return a message as gRPC sends it."""
    return struct.pack(">BI", 0, len(data)) + data


class Peer:
    """Takes one connection; of a stream it takes so many bytes until it is told to take more. ``got`` is what was sent."""

    def __init__(self, window: int = 65_535, most: int = 100) -> None:
        self.got = b""
        self.streams: list[int] = []
        self.ended = False
        """Whether the client has closed the line."""
        self._settings = {SettingCodes.INITIAL_WINDOW_SIZE: window, SettingCodes.MAX_CONCURRENT_STREAMS: most}
        self._listening = socket.create_server((HOST, 0))
        self.address = Address(HOST, self._listening.getsockname()[1])
        # Guards the protocol, and what is sent.
        self._lock = threading.Lock()
        self._protocol = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def do(self, action: Callable[[H2Connection], object]) -> None:
        """Do something on the protocol, and send what comes of it."""
        with self._lock:
            action(self._protocol)
            self._send()

    def close(self) -> None:
        """End it."""
        for line in (self._listening, self._socket):
            if line is not None:
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _run(self) -> None:
        with suppress(OSError, ProtocolError):
            self._socket, _ = self._listening.accept()
            with self._lock:
                self._protocol.local_settings = Settings(client=False, initial_values=self._settings)
                self._protocol.initiate_connection()
                self._send()
            while data := self._socket.recv(65_536):
                with self._lock:
                    for event in self._protocol.receive_data(data):
                        if isinstance(event, RequestReceived):
                            self.streams.append(event.stream_id)
                        elif isinstance(event, DataReceived):
                            self.got += event.data
                    self._send()
        if self._socket is not None:
            self._socket.close()
        self.ended = True

    def _send(self) -> None:
        if self._socket is not None and (data := self._protocol.data_to_send()):
            self._socket.sendall(data)
