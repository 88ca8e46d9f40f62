"""Which server has what: the one question in which a single server, Sentinel and a cluster differ."""

from __future__ import annotations

from abc import ABC, abstractmethod

from dfbackends.api import Finding
from dfbackends_redis.access import Address
from dfbackends_redis.node import Node


class Servers(ABC):
    """The servers of a store. Every method may be called by any thread."""

    @abstractmethod
    def owner(self, slot: int) -> Node:
        """Return the server that takes reads and writes of a slot.

        :raises NotConnected: nobody could be asked
        :raises NoMaster: nobody knows one
        """

    @abstractmethod
    def masters(self) -> list[Node]:
        """Return all servers that take writes, in an order that all clients share.

        :raises NotConnected: nobody could be asked
        """

    @abstractmethod
    def at(self, address: Address, slot: int | None = None) -> Node:
        """Return the server at an address that another server has named, for good where it has named the slot."""

    @abstractmethod
    def failed(self, node: Node, error: Exception) -> None:
        """Learn from what a server, or the line to it, has raised or answered."""

    @abstractmethod
    def serves(self, node: Node) -> bool:
        """Return whether a line on which messages arrive may stay with a server."""

    def findings(self, failover: float) -> list[Finding]:
        """Return what is wrong with those who replace a master, where it is not the servers themselves, and is taken to take
        so many seconds."""
        return []

    @abstractmethod
    def close(self) -> None:
        """Close all lines. Twice is harmless."""


class Single(Servers):
    """One server, and no other."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def owner(self, slot: int) -> Node:
        return self._node

    def masters(self) -> list[Node]:
        return [self._node]

    def at(self, address: Address, slot: int | None = None) -> Node:
        return self._node

    def failed(self, node: Node, error: Exception) -> None:
        """It has no successor."""

    def serves(self, node: Node) -> bool:
        return True

    def close(self) -> None:
        self._node.end()
