"""How the faults of a plan come about on the calls of a driver."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from contract_tests.plan import Plan

R = TypeVar("R")


class Injector(ABC):
    """Makes calls as the plan says."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    @abstractmethod
    def timeout(self, driver: Any) -> float:
        """Return after how many seconds a call without an answer has raised."""

    @abstractmethod
    def sent(self, verb: str, request: Callable[[], R], what: object, *, partly: bool = False) -> R:
        """Return the answer to a request about ``what``. ``partly``: others of the same call have been done before."""

    @abstractmethod
    def scanned(self, begin: Callable[[], Iterator[R]], what: object) -> Iterator[R]:
        """Yield the items of a list, each of which counts as a call."""

    @abstractmethod
    def opened(self, verb: str, line: Callable[[], R], what: object) -> R:
        """Return a new line."""
