"""Which mutants there are."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import Any, TypeVar

from contract_tests.mutants import defects

C = TypeVar("C", bound=type[Any])


class Base(Enum):
    """The sound backend that a defect is seeded in."""

    RICH = "rich"
    """A store in memory that can do everything, and carries the messages, too."""
    FORGETFUL = "forgetful"
    """A store in memory; the lines of changes forget where they were, and so do those of another one, for messages."""
    BARE = "bare"
    """A store in memory without any capability; messages as above."""
    FILE = "file"
    """A file, opened by name and URL, by several processes."""
    SERVED = "served"
    """A file that is served over a network by one process, and could be by another one."""


@dataclass(frozen=True)
class Mutant:
    """A class with a defect, which takes the place of the sound class that it inherits from."""

    kind: type[Any]
    kills: str
    """The case that has to find it; with a parameter in brackets where only that one does."""
    base: Base

    @property
    def name(self) -> str:
        """How it is called."""
        return self.kind.__name__

    @property
    def defect(self) -> str:
        """What is wrong with it, in a sentence."""
        return str(self.kind.__doc__)

    @property
    def case(self) -> str:
        """The name of the case that has to find it."""
        return self.kills.partition("[")[0]


_mutants: dict[str, Mutant] = {}


def part(kind: type[Any], usual: C) -> C:
    """Return the class with the defect where it takes the place of a sound one, else that."""
    return kind if issubclass(kind, usual) else usual  # type: ignore[return-value]


def mutant(*, kills: str, base: Base = Base.RICH) -> Callable[[C], C]:
    """Register a class; its docstring says the defect, and ``kills`` which case has to find it."""

    def register(kind: C) -> C:
        assert kind.__doc__, f"{kind.__name__} does not say its defect"
        assert kind.__name__ not in _mutants, f"{kind.__name__} is there twice"
        _mutants[kind.__name__] = Mutant(kind, kills, base)
        return kind

    return register


def mutants() -> dict[str, Mutant]:
    """Return all mutants by their names."""
    for module in pkgutil.iter_modules(defects.__path__, f"{defects.__name__}."):
        import_module(module.name)
    return dict(_mutants)
