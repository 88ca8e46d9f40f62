"""Datagrams that tell a waiting feed, in this process or another, to look into the log. They carry nothing."""

from __future__ import annotations

import os
import select
import shutil
import socket
import sys
import tempfile
import uuid
from collections.abc import Iterable


class Bell:
    """Where a feed waits. ``address`` is what others ring."""

    def __init__(self) -> None:
        self._directory: str | None = None
        if sys.platform == "linux":
            self.address: str = f"@dfbackends-{uuid.uuid4().hex}"
        else:
            self._directory = tempfile.mkdtemp(prefix="dfbackends-")
            self.address = os.path.join(self._directory, "bell")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(_bound(self.address))

    def wait(self, timeout: float) -> bool:
        """Return whether it was rung within the time."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(max(0.0, timeout) * 1000))

    def silence(self) -> None:
        """Forget all rings so far."""
        try:
            while True:
                self._socket.recv(1)
        except BlockingIOError:
            pass

    def close(self) -> None:
        self._socket.close()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)


class Ringer:
    """Rings bells."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def ring(self, addresses: Iterable[str]) -> list[str]:
        """Ring each bell once; return those that are no more."""
        dead = []
        for address in addresses:
            try:
                self._socket.sendto(b"!", _bound(address))
            except (ConnectionRefusedError, FileNotFoundError):
                dead.append(address)
            except OSError:
                # It has been rung so often that it is full; or a look each second has to do.
                pass
        return dead

    def close(self) -> None:
        self._socket.close()


def _bound(address: str) -> str:
    return "\0" + address[1:] if address.startswith("@") else address
