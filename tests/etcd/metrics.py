"""What members say of themselves."""

from __future__ import annotations

import urllib.request

from contract_tests.servers.node import HOST
from dfbackends_etcd.testing import EtcdServer


def serves(node: EtcdServer) -> bool:
    """Return whether a member has a watch."""
    with urllib.request.urlopen(f"http://{HOST}:{node.port}/metrics", timeout=5) as answer:
        text: str = answer.read().decode()
    return "\netcd_debugging_mvcc_watch_stream_total 1\n" in text
