"""Servers that have to be introduced to each other before they are one store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from contract_tests.servers.node import Node, NotStarted
from contract_tests.servers.program import Program
from contract_tests.servers.server import Server

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from contract_tests.servers.server import Facts

_TRIES = 5


class Group(Protocol):
    """So many servers that are one store together."""

    @property
    def nodes(self) -> Sequence[Node]:
        """Their processes."""

    def start(self) -> None:
        """Start all, which are one store when this returns.

        :raises NotStarted: one did not answer
        """

    def join(self) -> None:
        """Wait until all that run are one store again."""


G = TypeVar("G", bound=Group)


class Grouped(Server, Generic[G]):
    """A store that is a group of servers."""

    def __init__(self, program: Program, count: int, make: Callable[[Path], G], **facts: Unpack[Facts]) -> None:
        """Make groups of ``count`` servers, all of them one program, in an empty folder."""
        super().__init__("", **facts)
        self._program = program
        self._count = count
        self._make = make
        self._group: G | None = None

    @property
    def group(self) -> G:
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

    @property
    def missing(self) -> str:
        return self._program.missing

    @property
    def answers(self) -> str:
        name = Path(self._program.path()).name
        return f"{self._count} x {name}" if self._count > 1 else name
