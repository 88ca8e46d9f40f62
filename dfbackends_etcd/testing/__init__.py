"""Servers for the contract suite, as ``dfbackends verify etcd --start`` has them.

They need the suite: ``pip install 'dfbackends-etcd[test]'``.
"""

from __future__ import annotations

from contract_tests.servers.server import Facts, Server
from dfbackends_etcd.testing.cluster import EtcdCluster
from dfbackends_etcd.testing.process import EtcdServer
from dfbackends_etcd.testing.replaced import replaced
from dfbackends_etcd.testing.states import SPARED, STATES
from dfbackends_etcd.testing.store import Store

__all__ = ["EtcdCluster", "EtcdServer", "etcd"]


def etcd(nodes: int = 1) -> Server:
    """Return so many members."""
    facts: Facts = {
        "durable": True,
        "resumes": True,
        "states": STATES,
        "spares": SPARED,
        "replaceable": replaced(nodes),
        "chatty": True,
    }
    if nodes > 1:
        facts["failover"] = _failover
        facts["replicated"] = True
    return Store(nodes, **facts)


def _failover(server: Server) -> None:
    assert isinstance(server, Store)
    server.group.failover()
