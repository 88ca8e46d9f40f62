"""The servers that are tested: whether there are any, and whom they serve."""

from __future__ import annotations

import os
import urllib.request

from contract_tests.servers.node import HOST
from dfbackends_etcd.testing import EtcdServer
from dfbackends_etcd.testing.program import PROGRAM

HOW = PROGRAM.missing
"""Why there is none, and how to have one."""

MISSING = bool(HOW) and "CI" not in os.environ
"""Then tests are skipped; in CI they fail."""


def serves(node: EtcdServer) -> bool:
    """Return whether a member has a watch."""
    with urllib.request.urlopen(f"http://{HOST}:{node.port}/metrics", timeout=5) as answer:
        text: str = answer.read().decode()
    return "\netcd_debugging_mvcc_watch_stream_total 1\n" in text
