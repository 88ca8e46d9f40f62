"""What servers and clients show each other by TLS, and trust."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import NamedTuple

from contract_tests.servers.certificates import authority, certificate
from contract_tests.servers.node import HOST


class Secure(NamedTuple):
    """An authority of the run's own, and what it has signed: a server is one to others by the same certificate."""

    folder: Path
    server: str = "server"
    """Whose certificate a server shows."""
    host: str = HOST
    """For whom that is."""

    @classmethod
    def made(cls, folder: Path) -> Secure:
        """Make all that is needed, for two days."""
        authority(folder, "ca")
        for name in ("server", "client"):
            certificate(folder, name, "ca")
        return cls(folder)

    def named(self, host: str) -> Secure:
        """Return the same but for servers, which show a certificate for another host."""
        certificate(self.folder, host, "ca", subject=f"DNS:{host}")
        return self._replace(server=host, host=host)

    @property
    def settings(self) -> list[str]:
        """Lines of a server that talks to its clients, replicas and neighbours in no other way."""
        files = {"cert-file": f"{self.server}.crt", "key-file": f"{self.server}.key", "ca-cert-file": "ca.crt"}
        return [
            *(f"tls-{what} {self.folder / name}" for what, name in files.items()),
            "tls-replication yes",
            "tls-cluster yes",
        ]

    def query(self, before: str = "") -> str:
        """Return the part of a URL that says what a client trusts and shows; for sentinels with ``sentinel_`` before it."""
        files = {"ca": "ca.crt", "cert": "client.crt", "key": "client.key"}
        return "&".join(f"{before}tls_{what}={self.folder / name}" for what, name in files.items())

    @property
    def client(self) -> dict[str, object]:
        """Settings for a client of redis-py."""
        files = {"ca_certs": "ca.crt", "certfile": "client.crt", "keyfile": "client.key"}
        found = {f"ssl_{what}": str(self.folder / name) for what, name in files.items()}
        return {"ssl": True, "ssl_check_hostname": self.host == HOST, **found}

    def wrapped(self, line: socket.socket) -> ssl.SSLSocket:
        """Return a line to a server as a client has it.

        :raises OSError: the handshake failed
        """
        context = ssl.create_default_context(cafile=self.folder / "ca.crt")
        context.load_cert_chain(self.folder / "client.crt", self.folder / "client.key")
        return context.wrap_socket(line, server_hostname=self.host)
