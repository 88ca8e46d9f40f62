"""How lines to servers are opened: who we are, how it is proven, and how long it may take."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from redis.backoff import NoBackoff
from redis.connection import AbstractConnection, Connection, UnixDomainSocketConnection
from redis.retry import Retry

from dfbackends_redis.errors import not_connected
from dfbackends_redis.scripts import Script
from dfbackends_redis.wire import Wire


class Address(NamedTuple):
    """Where a server answers; the path of its socket with port 0."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.port else self.host


class _TlsConnection(Connection):
    """Wraps its socket by the context that was made at the start."""

    def __init__(self, context: ssl.SSLContext, name: str, **settings: Any) -> None:
        super().__init__(**settings)  # type: ignore[no-untyped-call]  # As the two below.
        self._context = context
        self._name = name

    def _connect(self) -> socket.socket:
        return self._context.wrap_socket(super()._connect(), server_hostname=self._name)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Tls:
    """A context that verifies, and the name to be found in certificates, where it is not the host's."""

    context: ssl.SSLContext
    name: str = ""


@dataclass(frozen=True)
class Access:
    """What it takes to open a line. Nothing is repeated, and each step has its time."""

    user: str | None = None
    password: str | None = field(default=None, repr=False)
    database: int = 0
    tls: Tls | None = None
    connect_timeout: float = 1.0
    timeout: float = 2.0

    def line(self, address: Address, name: str, scripts: tuple[Script, ...] = ()) -> Wire:
        """Return a new line, logged in, on which the server knows the scripts.

        :raises NotConnected: there is none, for the reason that the class and the cause tell; nothing was done
        """
        connection: AbstractConnection | None = None
        try:
            connection = self._connection(address)
            connection.connect()
            wire = Wire(connection, self.timeout)
            wire.prepare(name, scripts)
        except Exception as error:
            if connection is not None:
                connection.disconnect()
            raise not_connected(error) from error
        return wire

    def _connection(self, address: Address) -> AbstractConnection:
        settings: dict[str, Any] = {
            "username": self.user,
            "password": self.password,
            "db": self.database,
            "protocol": 2,
            "retry": Retry(NoBackoff(), 0),
            "health_check_interval": 0,
            "socket_connect_timeout": self.connect_timeout,
            "socket_timeout": self.timeout,
        }
        connection: AbstractConnection
        if not address.port:
            connection = UnixDomainSocketConnection(path=address.host, **settings)  # type: ignore[abstract]  # It is not.
        else:
            settings.update(host=address.host, port=address.port, socket_keepalive=True, socket_keepalive_options=_KEEPALIVE)
            if self.tls is None:
                connection = Connection(**settings)
            else:
                connection = _TlsConnection(self.tls.context, self.tls.name or address.host, **settings)
        # What redis-py would tell the server of itself costs two round trips, and a right that not everybody has.
        for said in ("driver_info", "lib_name", "lib_version"):
            setattr(connection, said, None)
        return connection


_KEEPALIVE = {
    option: value
    for name, value in (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 1), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 5000))
    if (option := getattr(socket, name, None)) is not None
}
