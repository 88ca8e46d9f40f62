"""A group of servers, as the suite has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from contract_tests.servers.node import NotStarted
from contract_tests.servers.server import Server
from dfbackends_redis.testing.group import Group
from dfbackends_redis.testing.program import program

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from contract_tests.servers.server import Facts

_TRIES = 5


class Store(Server):
    """Servers that may have to be introduced to each other before they are one store."""

    def __init__(
        self, kind: type[Group], count: int, make: Callable[[Path], Group], *, replaced_in: float = 0.0, **facts: Unpack[Facts]
    ) -> None:
        """Make groups of ``count`` servers of a kind in an empty folder; a dead master is replaced in so many seconds."""
        super().__init__("", **facts)
        self._kind = kind
        self._count = count
        self._make = make
        self._replaced_in = replaced_in
        self._group: Group | None = None

    @property
    def group(self) -> Group:
        """The servers that run."""
        assert self._group is not None, "they were not started"
        return self._group

    def start(self, folder: Path) -> None:
        for attempt in range(_TRIES):
            self.folder = folder / str(attempt)
            group = self._group = self._make(self.folder)
            self.nodes = [*group.nodes]
            try:
                group.start()
            except NotStarted as error:
                self.stop()
                if attempt == _TRIES - 1 or not self.was_late(error):
                    raise
            else:
                return

    def restart(self) -> None:
        if any(node.pid is None for node in self.nodes):
            super().restart()
            self.group.join()

    @property
    def count(self) -> int:
        return self._count

    def url(self, ports: Sequence[int] | None = None) -> str:
        url = self._kind.url(self.ports if ports is None else ports, self.ports)
        return f"{url}{'&' if '?' in url else '?'}failover={self._replaced_in:g}"

    @property
    def missing(self) -> str:
        try:
            program()
        except NotStarted as error:
            return str(error)
        return ""

    @property
    def answers(self) -> str:
        return f"{self._count} x {Path(program()).name}" if self._count > 1 else Path(program()).name

    @property
    def settings(self) -> str:
        return f"{self._kind.settings(self.ports or range(1, self._count + 1))}failover = {self._replaced_in:g}\n"
