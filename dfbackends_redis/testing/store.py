"""A group of servers, as the suite has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from contract_tests.servers.grouped import Grouped
from dfbackends_redis.testing.group import Group
from dfbackends_redis.testing.program import PROGRAM

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from contract_tests.servers.server import Facts


class Store(Grouped[Group]):
    """Servers of Redis that are one store."""

    def __init__(
        self, kind: type[Group], count: int, make: Callable[[Path], Group], *, replaced_in: float = 0.0, **facts: Unpack[Facts]
    ) -> None:
        """Make groups of ``count`` servers of a kind in an empty folder; a dead master is replaced in so many seconds."""
        super().__init__(PROGRAM, count, make, **facts)
        self._kind = kind
        self._replaced_in = replaced_in

    def url(self, ports: Sequence[int] | None = None) -> str:
        url = self._kind.url(self.ports if ports is None else ports, self.ports)
        return f"{url}{'&' if '?' in url else '?'}failover={self._replaced_in:g}"

    @property
    def settings(self) -> str:
        return f"{self._kind.settings(self.ports or range(1, self.count + 1))}failover = {self._replaced_in:g}\n"
