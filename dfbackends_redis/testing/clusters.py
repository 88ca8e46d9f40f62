"""A cluster of Redis."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import redis
from redis.crc import key_slot

from contract_tests.servers.node import HOST
from dfbackends_redis.testing.group import Group, hosts, mapped
from dfbackends_redis.testing.process import RedisServer, port_with_bus, until
from dfbackends_redis.testing.secure import Secure

_SLOTS = 16_384
_GIVEN_UP = 5.5
"""Seconds after which a replica has given up to take over."""


class RedisCluster(Group):
    """Masters, each with so many replicas."""

    driver = "redis-cluster"

    def __init__(
        self,
        folder: Path,
        *settings: str,
        masters: int = 3,
        replicas: int = 0,
        node_timeout: int = 1000,
        secure: Secure | None = None,
    ) -> None:
        given = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(node_timeout), "--repl-diskless-sync-delay", "0")
        self.nodes = [
            RedisServer(folder / f"node-{number}", *given, *settings, port=port_with_bus(), secure=secure)
            for number in range(masters * (1 + replicas))
        ]
        self.node_timeout = node_timeout / 1000
        """Seconds."""
        self._count = masters

    @property
    def masters(self) -> list[RedisServer]:
        return [node for node in self.nodes if node.running and self.names(node)]

    def introduce(self) -> None:
        masters, others = self.nodes[: self._count], self.nodes[self._count :]
        for node in self.nodes[1:]:
            node.ask("CLUSTER", "MEET", HOST, masters[0].port)
        edges = [number * _SLOTS // self._count for number in range(self._count + 1)]
        for node, first, end in zip(masters, edges, edges[1:], strict=False):
            node.ask("CLUSTER", "ADDSLOTS", *range(first, end))
        until(lambda: all(self._known(node) == len(self.nodes) for node in self.nodes), "all nodes to know each other")
        for node, master in zip(others, cycle(masters), strict=False):
            name = str(master.ask("CLUSTER", "MYID"))
            until(_done(node, "CLUSTER", "REPLICATE", name), "a replica")

    @property
    def well(self) -> bool:
        return all(self._state(node) == "ok" and node.serves for node in self.nodes if node.running)

    def names(self, server: RedisServer) -> bool:
        """Return whether any of the servers that run takes this one for a master."""
        return any(found[2][1] == server.port for node in self.nodes if node.running for found in _slots(node))

    def master_of(self, key: str) -> RedisServer:
        """Return the server that has a key, as those that run see it."""
        slot = key_slot(key.encode())
        for node in self.nodes:
            if node.running:
                for first, last, master, *_ in _slots(node):
                    if first <= slot <= last:
                        return next(server for server in self.nodes if server.port == master[1])
        raise LookupError(key)

    def replica_of(self, master: RedisServer) -> RedisServer:
        """Return a server that runs and takes a master's place when that is gone."""
        for node in self.nodes:
            if node.running:
                with node.client() as client:
                    if client.info("replication").get("master_port") == master.port:
                        return node
        raise LookupError(master.port)

    def failover(self) -> None:
        """Let a replica of each master take over, as an operator does, and return when all servers know."""
        for master in self.masters:
            self._replace(master)
        until(lambda: len(self.masters) == self._count, "all to know")
        self.join()

    def _replace(self, master: RedisServer) -> None:
        asked = float("-inf")

        def replaced() -> bool:
            nonlocal asked
            if not self.names(master):
                return True
            # A replica that does not get the votes gives up.
            if time.monotonic() > asked + _GIVEN_UP:
                asked = time.monotonic()
                self.replica_of(master).ask("CLUSTER", "FAILOVER")
            return False

        until(replaced, "the failover", 6 * _GIVEN_UP)

    @classmethod
    def url(cls, ports: Sequence[int], announced: Sequence[int] = ()) -> str:
        return f"{cls.driver}://{hosts(ports)}{mapped(ports, announced)}"

    @classmethod
    def settings(cls, ports: Sequence[int]) -> str:
        return f"db = {cls.driver}\n[dfbackends_redis_cluster]\nhosts = {hosts(ports)}\n"

    @staticmethod
    def _known(node: RedisServer) -> int:
        with node.client() as client:
            return int(client.cluster("info")["cluster_known_nodes"])

    @staticmethod
    def _state(node: RedisServer) -> str:
        with node.client() as client:
            return str(client.cluster("info")["cluster_state"])


def _slots(node: RedisServer) -> list[Any]:
    answer: Any = node.ask("CLUSTER", "SLOTS")
    # redis-py may make a dictionary of it.
    if isinstance(answer, dict):
        return [(first, last, found["primary"]) for (first, last), found in answer.items()]
    return list(answer)


def _done(node: RedisServer, *command: str) -> Callable[[], bool]:
    """Return what tries a command until the server takes it."""

    def tried() -> bool:
        try:
            node.ask(*command)
        except redis.ResponseError:
            return False
        return True

    return tried
