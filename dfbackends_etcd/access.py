"""How members are reached: who we are, how it is proven, and how long it may take."""

from __future__ import annotations

import math
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from dfbackends_etcd.errors import NotConnected, NotTrusted

Metadata = tuple[tuple[str, str], ...]
"""What goes along with a call, as headers do."""


class Address(NamedTuple):
    """Where a member answers."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Tls:
    """What members are verified by, and are shown, and the name to be found."""

    context: ssl.SSLContext
    http: ssl.SSLContext
    """The same for who does not speak HTTP/2."""
    name: str = ""


@dataclass(frozen=True)
class Access:
    """What it takes to reach a member."""

    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls | None = None
    connect_timeout: float = 1.0
    timeout: float = 2.0

    def connected(self, address: Address, until: float = math.inf) -> socket.socket:
        """Return a connection to one member, by TLS where that is used, on which nothing was said.

        It takes ``connect_timeout`` seconds at most, and no longer than until then (time.monotonic); but for the resolver of
        names, which nobody can hurry.

        :raises NotTrusted: client and server do not agree on TLS
        :raises NotConnected: nobody answers
        """
        until = min(until, time.monotonic() + self.connect_timeout)
        try:
            line = _connected(address, until)
        except (OSError, UnicodeError) as error:
            raise NotConnected(str(address)) from error
        try:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls is None:
                return line
            line.settimeout(_remaining(until))
            return self.tls.context.wrap_socket(line, server_hostname=self.tls.name or address.host)
        except (OSError, ValueError) as error:
            line.close()
            kind = NotTrusted if isinstance(error, ssl.SSLError) else NotConnected
            raise kind(f"{address}: {type(error).__name__}") from error


def _connected(address: Address, until: float) -> socket.socket:
    """Connect to the first address of a host that answers; each has its share of the time."""
    found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
    failure: OSError | None = None
    for number, (*_, where) in enumerate(found):
        try:
            return socket.create_connection((str(where[0]), address.port), _remaining(until) / (len(found) - number))
        except OSError as error:
            failure = failure or error
    raise failure or TimeoutError


def _remaining(until: float) -> float:
    remaining = until - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining
