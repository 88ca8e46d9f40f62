"""One server alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dfbackends_redis.testing.group import Group, hosts
from dfbackends_redis.testing.process import RedisServer
from dfbackends_redis.testing.secure import Secure


class SingleServer(Group):
    """It has neither replicas nor anybody to take its place."""

    driver = "redis"

    def __init__(self, folder: Path, *settings: str, secure: Secure | None = None) -> None:
        self.nodes = [RedisServer(folder / "server", *settings, secure=secure)]

    @property
    def masters(self) -> list[RedisServer]:
        return self.nodes

    def introduce(self) -> None:
        """There is nobody else."""

    @property
    def well(self) -> bool:
        return all(node.serves for node in self.nodes)

    @classmethod
    def url(cls, ports: Sequence[int], announced: Sequence[int] = ()) -> str:
        return f"redis://{hosts(ports)}"

    @classmethod
    def settings(cls, ports: Sequence[int]) -> str:
        return f"db = redis\n[dfbackends_redis]\nport = {ports[0]}\n"
