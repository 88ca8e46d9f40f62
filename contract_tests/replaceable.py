"""A store that is replaced by another one under those who use it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any

import dfbackends
from contract_tests.fault import Fault


class Replaceable(ABC):
    """A store of its own, which no other case uses, so that all of it may be replaced; it ends with its ``with`` block.

    Whoever serves from a server may start one for it, or replace what belongs to a namespace.
    """

    @abstractmethod
    def open(self, **settings: Any) -> dfbackends.Backend:
        """Return a handle on the store that is there now; the caller closes it."""

    @abstractmethod
    def keep(self) -> None:
        """Make the copy that OLDER puts in place."""

    @abstractmethod
    def other(self) -> dfbackends.Backend:
        """Return a handle on the store that OTHER will put in place, whose revisions are newer; the caller closes it."""

    @abstractmethod
    def replace(self, how: Fault) -> None:
        """Do WIPED, OLDER or OTHER under the open handles; without a break of their lines, where that is possible."""

    def close(self) -> None:  # noqa: B027 - many have nothing to do
        """End the store; all handles are closed."""

    def __enter__(self) -> Replaceable:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
