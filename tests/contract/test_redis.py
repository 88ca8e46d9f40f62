"""The contract on ``redis``, ``redis-cluster`` and ``redis-sentinel``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from contract_tests import BackendContract, Server
from tests.redis.servers import RedisCluster, Sentinels, found


class Several(Server):
    """Servers that have to be introduced to each other before they are one; nothing is done to them."""

    def __init__(self, servers: Callable[[Path], RedisCluster | Sentinels], url: str, settings: str) -> None:
        super().__init__(url, settings=settings)
        self._make = servers
        self._forms = url, settings
        self._running: RedisCluster | Sentinels | None = None

    def start(self, folder: Path) -> None:
        self._running = self._make(folder).start()

    def stop(self) -> None:
        if self._running is not None:
            self._running.kill()

    def url(self, ports: Sequence[int] | None = None) -> str:
        return self._forms[0].format(hosts=self._running.hosts if self._running else "127.0.0.1:1")

    @property
    def settings(self) -> str:
        return self._forms[1].format(hosts=self._running.hosts if self._running else "127.0.0.1:1")


class TestRedis(BackendContract):
    """One server."""

    backend = "redis"

    @classmethod
    def server(cls) -> Server:
        return Server.process(
            [found() or "redis-server", "--port", "{port}", "--dir", "{tmp}", "--save", "", "--appendonly", "yes"],
            "redis://127.0.0.1:{port}",
            settings="db = redis\n[dfbackends_redis]\nport = {port}\n",
            durable=True,
        )


class TestRedisCluster(BackendContract):
    """Three masters."""

    backend = "redis-cluster"

    @classmethod
    def server(cls) -> Server:
        return Several(
            RedisCluster,
            "redis-cluster://{hosts}",
            "db = redis-cluster\n[dfbackends_redis_cluster]\nhosts = {hosts}\n",
        )


class TestRedisSentinel(BackendContract):
    """A master, a replica and three sentinels."""

    backend = "redis-sentinel"

    @classmethod
    def server(cls) -> Server:
        return Several(
            Sentinels,
            "redis-sentinel://{hosts}/mymaster",
            "db = redis-sentinel\n[dfbackends_redis_sentinel]\nhosts = {hosts}\nservice = mymaster\n",
        )
