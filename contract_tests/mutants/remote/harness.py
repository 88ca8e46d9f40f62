"""How a server of this backend is had."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from contract_tests.fault import Fault
from contract_tests.mutants.remote.frames import Buffer, framed
from contract_tests.servers.node import HOST
from contract_tests.servers.server import Server, State

_PATIENCE = 5.0

_PROGRAM = [sys.executable, "-m", "contract_tests.mutants.remote.server", "{port}", "{tmp}/remote.db"]


def server(nodes: int = 2, *, name: str = "remote", defect: str = "") -> Server:
    """Return nodes with their store in one file, the first of which serves."""
    seeded = [defect] if defect else []
    options = f"timeout=0.5&defect={defect}" if defect else "timeout=0.5"
    lines = f"defect = {defect}\n" if defect else ""
    return Server.cluster(
        [[*_PROGRAM, "stands by" if number else "serves", *seeded] for number in range(nodes)],
        url=f"{name}://{{hosts}}?{options}",
        settings=f"db = {name}\n[dfbackends_{name}]\nhosts = {{hosts}}\n{lines}",
        durable=True,
        resumes=True,
        states={
            fault: _in_state(fault.name.lower())
            for fault in (Fault.FULL, Fault.READ_ONLY, Fault.OVERLOADED, Fault.UNAUTHENTICATED)
        },
        failover=_failover if nodes > 1 else None,
        replicated=nodes > 1,
    )


def _in_state(name: str) -> State:
    @contextmanager
    def state(running: Server) -> Iterator[None]:
        for port in running.ports:
            _told(port, "state", name)
        try:
            yield
        finally:
            for port in running.ports:
                _told(port, "state", "")

    return state


def _failover(running: Server) -> None:
    [old] = [port for port in running.ports if _told(port, "hello") == ["ok", None]]
    new = running.ports[running.ports.index(old) - 1]
    _told(old, "stand by")
    _told(new, "serve")


def _told(port: int, *request: str) -> Any:
    """Return what a node answers, whether it serves or not."""
    with socket.create_connection((HOST, port), timeout=_PATIENCE) as connection:
        connection.sendall(framed(request))
        return Buffer().read(connection)
