"""Servers for the contract suite, as ``dfbackends verify redis --start`` has them.

They need the suite: ``pip install 'dfbackends-redis[test]'``.
"""

from __future__ import annotations

from contract_tests.fault import Fault
from contract_tests.servers.server import Server
from dfbackends_redis.testing.clusters import RedisCluster
from dfbackends_redis.testing.process import RedisServer
from dfbackends_redis.testing.replaced import replaced
from dfbackends_redis.testing.sentinels import Sentinels
from dfbackends_redis.testing.single import SingleServer
from dfbackends_redis.testing.states import STATES
from dfbackends_redis.testing.store import Store

__all__ = ["RedisCluster", "RedisServer", "Sentinels", "SingleServer", "redis", "redis_cluster", "redis_sentinel"]

_MASTERS = 3

_REPLACED_IN = 4.0
"""Seconds; of these it takes one until a dead master is noticed."""

_WRITTEN = ("--appendonly", "yes", "--appendfsync", "no")
"""What was acknowledged is handed to the system, and so outlives the process. By everysec, which is the default, a server that
waits for its disk acknowledges what it has handed to nobody yet."""


def redis(nodes: int = 1) -> Server:
    """Return one server; it has no others, however many ``nodes`` are wanted."""
    return Store(
        SingleServer,
        1,
        lambda folder: SingleServer(folder, *_WRITTEN),
        durable=True,
        states=STATES,
        replaceable=replaced(SingleServer),
    )


def redis_cluster(nodes: int = 2 * _MASTERS) -> Server:
    """Return three masters, each with a replica where six ``nodes`` are wanted, with two where nine are, and so on."""
    replicas = max(nodes // _MASTERS - 1, 0)
    return Store(
        RedisCluster,
        _MASTERS * (1 + replicas),
        lambda folder: RedisCluster(folder, *_WRITTEN, masters=_MASTERS, replicas=replicas),
        replaced_in=_REPLACED_IN if replicas else 0.0,
        durable=True,
        states={fault: state for fault, state in STATES.items() if fault is not Fault.READ_ONLY},
        spares={Fault.READ_ONLY: "a server of a cluster that is no master tells its clients who is"},
        replaceable=replaced(RedisCluster),
        failover=_failover if replicas else None,
    )


def redis_sentinel(nodes: int = 2) -> Server:
    """Return a master with a replica, or as many servers as ``nodes``, and three sentinels."""
    replicas = max(nodes - 1, 1)
    return Store(
        Sentinels,
        1 + replicas + Sentinels.count,
        lambda folder: Sentinels(folder, *_WRITTEN, replicas=replicas),
        replaced_in=_REPLACED_IN,
        durable=True,
        states=STATES,
        replaceable=replaced(Sentinels),
        failover=_failover,
    )


def _failover(server: Server) -> None:
    assert isinstance(server, Store)
    assert isinstance(server.group, RedisCluster | Sentinels)
    server.group.failover()
