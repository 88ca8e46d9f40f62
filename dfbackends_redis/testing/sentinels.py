"""A master of Redis that is watched by sentinels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from contract_tests.servers.node import HOST
from dfbackends_redis.testing.group import Group, hosts, mapped
from dfbackends_redis.testing.process import RedisServer, until
from dfbackends_redis.testing.secure import Secure


class Sentinels(Group):
    """A master, replicas, and sentinels that watch them."""

    driver = "redis-sentinel"
    service = "mymaster"
    count: ClassVar[int] = 3
    """How many sentinels there are."""

    def __init__(
        self, folder: Path, *settings: str, replicas: int = 1, down_after: int = 1000, secure: Secure | None = None
    ) -> None:
        self.down_after = down_after
        """Milliseconds after which a master that says nothing is taken for dead."""
        self._servers = [
            RedisServer(folder / f"server-{number}", "--repl-diskless-sync-delay", "0", *settings, secure=secure)
            for number in range(1 + replicas)
        ]
        watched = (
            f"sentinel monitor {self.service} {HOST} {self._servers[0].port} {self.count // 2 + 1}",
            f"sentinel down-after-milliseconds {self.service} {down_after}",
            f"sentinel failover-timeout {self.service} 10000",
        )
        self.sentinels = [
            RedisServer(folder / f"sentinel-{number}", watches=watched, secure=secure) for number in range(self.count)
        ]
        self.nodes = [*self._servers, *self.sentinels]

    @property
    def servers(self) -> list[RedisServer]:
        return self._servers

    @property
    def master(self) -> RedisServer:
        """The server that the first sentinel which runs takes for the master."""
        for sentinel in self.sentinels:
            if sentinel.running:
                answer: Any = sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.service)
                _, port = answer
                return next(server for server in self._servers if server.port == int(port))
        raise LookupError(self.service)

    @property
    def masters(self) -> list[RedisServer]:
        return [self.master]

    def introduce(self) -> None:
        master, *others = self._servers
        for server in others:
            server.ask("REPLICAOF", HOST, master.port)
            # Else it would be a master for a while when it is started again.
            server.ask("CONFIG", "REWRITE")
        # The sentinels look for them now, and then not for ten seconds.
        until(lambda: all(server.serves for server in others), "the replicas")

    @property
    def well(self) -> bool:
        return all(server.serves for server in self._servers if server.running) and all(
            self._ready(sentinel) for sentinel in self.sentinels if sentinel.running
        )

    def failover(self) -> None:
        """Let a replica take over, as an operator does, and return when the others follow it."""
        old = self.master
        self.sentinels[0].ask("SENTINEL", "FAILOVER", self.service)
        until(lambda: self.master is not old, "the failover")
        self.join()

    @property
    def hosts(self) -> str:
        return hosts([sentinel.port for sentinel in self.sentinels])

    @classmethod
    def url(cls, ports: Sequence[int], announced: Sequence[int] = ()) -> str:
        servers = len(ports) - cls.count
        return f"{cls.driver}://{hosts(ports[servers:])}/{cls.service}{mapped(ports[:servers], announced[:servers])}"

    @classmethod
    def settings(cls, ports: Sequence[int]) -> str:
        watching = hosts(ports[len(ports) - cls.count :])
        return f"db = {cls.driver}\n[dfbackends_redis_sentinel]\nhosts = {watching}\nservice = {cls.service}\n"

    def _ready(self, sentinel: RedisServer) -> bool:
        fields: Any = sentinel.ask("SENTINEL", "MASTER", self.service)
        found = dict(zip(fields[::2], fields[1::2], strict=True)) if isinstance(fields, list) else fields
        others = int(found["num-other-sentinels"]), int(found["num-slaves"])
        return others == (self.count - 1, len(self._servers) - 1)
