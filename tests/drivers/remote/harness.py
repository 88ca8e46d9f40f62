"""How a server of this backend is had."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from contract_tests.fault import Fault
from contract_tests.servers.server import Server, State
from tests.drivers.remote.client import Connection

_PATIENCE = 5.0


def server(nodes: int = 1) -> Server:
    """Return a server with its store in a file."""
    return Server.process(
        [sys.executable, "-m", "tests.drivers.remote.server", "{port}", "{tmp}/remote.db"],
        url="remote://127.0.0.1:{port}?timeout=0.5",
        settings="db = remote\n[dfbackends_remote]\nport = {port}\n",
        durable=True,
        resumes=True,
        states={
            fault: _in_state(fault.name.lower())
            for fault in (Fault.FULL, Fault.READ_ONLY, Fault.OVERLOADED, Fault.UNAUTHENTICATED)
        },
    )


def _in_state(name: str) -> State:
    @contextmanager
    def state(running: Server) -> Iterator[None]:
        [port] = running.ports
        until = time.monotonic() + _PATIENCE
        connection = Connection(("127.0.0.1", port), until)
        try:
            connection.ask(["state", name], until)
            yield
        finally:
            connection.ask(["state", ""], time.monotonic() + _PATIENCE)
            connection.close()

    return state
