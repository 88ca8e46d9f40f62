"""What a member tells of its quota and of its history, which it does by HTTP only."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPConnection

from dfbackends_etcd.access import Access, Address

QUOTA = "etcd_server_quota_backend_bytes"
REVISION = "etcd_debugging_mvcc_current_revision"
COMPACTED = "etcd_debugging_mvcc_compact_revision"

_WANTED = frozenset((QUOTA, REVISION, COMPACTED))


def metrics(address: Address, access: Access) -> Mapping[str, float]:
    """Return the figures that are there.

    :raises OSError: the member does not answer
    :raises ValueError: what it answers is something else
    """
    line = HTTPConnection(address.host, address.port, timeout=access.connect_timeout)
    try:
        line.connect()
        if access.tls is not None:
            line.sock = access.tls.http.wrap_socket(line.sock, server_hostname=access.tls.name or address.host)
        line.request("GET", "/metrics")
        answer = line.getresponse()
        if answer.status != 200:
            raise ValueError(f"status {answer.status}")
        words = [text.split() for text in answer.read().decode().splitlines()]
    finally:
        line.close()
    return {word[0]: float(word[1]) for word in words if word and word[0] in _WANTED}
