"""Slots of a cluster on their way from one server to another."""

from __future__ import annotations

from contract_tests.servers.node import HOST
from dfbackends_redis.testing import RedisCluster, RedisServer


def move_slot(source: RedisServer, target: RedisServer, slot: int, keys: int) -> None:
    """Move a slot as far as so many keys."""
    source_id, target_id = str(source.ask("CLUSTER", "MYID")), str(target.ask("CLUSTER", "MYID"))
    target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
    source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
    for key in source.client().cluster("getkeysinslot", slot, keys):
        source.ask("MIGRATE", HOST, target.port, key, 0, 5000)


def settle_slot(masters: RedisCluster, target: RedisServer, source: RedisServer, slot: int) -> None:
    """Tell all that the slot has moved."""
    for node in dict.fromkeys((target, source, *masters.nodes)):
        node.ask("CLUSTER", "SETSLOT", slot, "NODE", str(target.ask("CLUSTER", "MYID")))
