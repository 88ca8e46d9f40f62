"""How members are reached: who we are, how it is proven, and how long it may take."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field
from typing import NamedTuple

import grpc

from dfbackends_etcd.errors import NotConnected, NotTrusted


class Address(NamedTuple):
    """Where a member answers."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"


@dataclass(frozen=True)
class Tls:
    """What members are verified by, and are shown: once for gRPC, once for who asks why it failed; and the name to be found."""

    credentials: grpc.ChannelCredentials
    context: ssl.SSLContext
    http: ssl.SSLContext
    """The same for who does not speak HTTP/2."""
    name: str = ""

    def refusal(self, address: Address, timeout: float) -> Exception | None:
        """Return why client and server do not agree; None where that is not what is wrong.

        The words of gRPC change from version to version.
        """
        try:
            with (
                socket.create_connection(address, timeout) as line,
                self.context.wrap_socket(line, server_hostname=self.name or address.host) as secure,
            ):
                # A server that does not like the certificate of a client says so after the client has finished.
                secure.sendall(_HELLO)
                secure.recv(1)
        except ssl.SSLError as error:
            return error
        except OSError:
            return None
        return None


@dataclass(frozen=True)
class Access:
    """What it takes to reach a member."""

    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls | None = None
    connect_timeout: float = 1.0
    timeout: float = 2.0

    def connected(self, address: Address) -> socket.socket:
        """Return a connection to one member, by TLS where that is used, on which nothing was said.

        :raises NotTrusted: client and server do not agree on TLS
        :raises NotConnected: nobody answers
        """
        try:
            line = socket.create_connection(address, self.connect_timeout)
        except OSError as error:
            raise NotConnected(str(address)) from error
        try:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls is None:
                return line
            return self.tls.context.wrap_socket(line, server_hostname=self.tls.name or address.host)
        except OSError as error:
            line.close()
            kind = NotTrusted if isinstance(error, ssl.SSLError) else NotConnected
            raise kind(f"{address}: {type(error).__name__}") from error

    def channel(self, address: Address) -> grpc.Channel:
        """Return a channel to one member, which connects when it is used."""
        options: list[tuple[str, str | int]] = [
            # The only one that repeats is the core, which knows what may be repeated.
            ("grpc.enable_retries", 0),
            # A channel has its own connection, and its own patience.
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_http_proxy", 0),
            ("grpc.min_reconnect_backoff_ms", round(1000 * self.connect_timeout)),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
            # What is asked for is bounded by who asks.
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
        ]
        if self.tls is None:
            return grpc.insecure_channel(str(address), options)
        if self.tls.name:
            options.append(("grpc.ssl_target_name_override", self.tls.name))
        return grpc.secure_channel(str(address), self.tls.credentials, options)
