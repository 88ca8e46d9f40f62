"""Servers that are one store together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from contract_tests.servers.node import HOST
from dfbackends_redis.testing.process import RedisServer, until

_PATIENCE = 30.0


class Group(ABC):
    """Those that hold data come first in ``nodes``; ports are in the same order."""

    driver: ClassVar[str]
    """The name of the entry point."""
    nodes: list[RedisServer]

    @property
    def servers(self) -> list[RedisServer]:
        """Who holds data."""
        return self.nodes

    @property
    @abstractmethod
    def masters(self) -> list[RedisServer]:
        """Who takes writes now."""

    @abstractmethod
    def introduce(self) -> None:
        """Make one store of those who hold data, which were started for the first time."""

    @property
    @abstractmethod
    def well(self) -> bool:
        """Whether all that run are one store, as far as they say."""

    @classmethod
    @abstractmethod
    def url(cls, ports: Sequence[int], announced: Sequence[int] = ()) -> str:
        """Return a URL by way of ports, where the servers name each other by others."""

    @classmethod
    @abstractmethod
    def settings(cls, ports: Sequence[int]) -> str:
        """Return lines of a configuration file that say the same."""

    def start(self) -> None:
        """Start all, which are one store when this returns.

        :raises NotStarted: one did not answer
        """
        for node in self.servers:
            node.start()
        self.introduce()
        for node in self.nodes[len(self.servers) :]:
            node.start()
        self.join()

    def join(self) -> None:
        """Wait until all that run are one store, again or for the first time."""
        until(lambda: self.well, "the servers to be one store", _PATIENCE)

    def kill(self) -> None:
        """End all at once."""
        for node in self.nodes:
            node.kill()

    @property
    def hosts(self) -> str:
        """Where the servers are, or those that know."""
        return hosts([node.port for node in self.nodes])


def hosts(ports: Sequence[int]) -> str:
    """Return ``host:port`` of each, with commas."""
    return ",".join(f"{HOST}:{port}" for port in ports)


def mapped(ports: Sequence[int], announced: Sequence[int]) -> str:
    """Return the part of a URL that says by which ports those are reached that are announced; empty where they are the same."""
    ways = [f"{HOST}:{one}={HOST}:{other}" for one, other in zip(announced, ports, strict=False) if one != other]
    return f"?address_map={','.join(ways)}" if ways else ""
