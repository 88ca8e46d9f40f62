"""How the suite reaches a backend: what its author writes."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import dfbackends
from contract_tests.capability import Capability
from contract_tests.fault import Fault
from contract_tests.marks import Case
from contract_tests.notes import Notes
from contract_tests.plan import Plan
from contract_tests.replaceable import Replaceable


class Process(ABC):
    """What can be done to the processes of a server."""

    @abstractmethod
    def kill(self) -> None:
        """End them at once; nothing answers any more."""

    @abstractmethod
    def restart(self) -> None:
        """Start them again, where they were, with what they had on disk."""

    @abstractmethod
    def freeze(self) -> None:
        """Let them stand still, with all connections open."""

    @abstractmethod
    def thaw(self) -> None:
        """Let them go on."""

    @abstractmethod
    def fail_over(self) -> None:
        """Let another one take over from the one that serves."""


class Absence(NamedTuple):
    """Why a case is not run. ``applies``: the backend should have it, and the harness can not try it."""

    reason: str
    applies: bool = False


class Harness(ABC):
    """A backend, as the suite sees it: what it declares, and how a handle is opened.

    All cases run on one store, each in a namespace of its own, and nothing is ever flushed.
    """

    def __init__(self, name: str, capabilities: Iterable[Capability] = (), faults: Iterable[Fault] = ()) -> None:
        self.name = name
        self.capabilities = frozenset(capabilities)
        self.faults = frozenset(faults)
        self.failover = 0.0
        """Seconds for which calls wait until a dead server is replaced, as the drivers that were opened say."""

    def start(self, folder: Path) -> None:  # noqa: B027 - many have nothing to do
        """Make the store ready; ``folder`` is empty, and the harness's own."""

    def stop(self) -> None:  # noqa: B027 - many have nothing to do
        """Undo ``start``."""

    @abstractmethod
    def open(self, namespace: str, **settings: Any) -> dfbackends.Backend:
        """Return a new handle on the store. ``settings`` are ``retries``, ``deadline`` and ``threads``."""

    @property
    def in_processes(self) -> bool:
        """Whether ``url`` returns something."""
        return False

    def url(self, namespace: str) -> str | None:
        """Return what another process opens; None where it can not."""
        return None

    def settings(self, namespace: str) -> str | None:
        """Return a configuration file that says the same as ``url``; None where there is no such way."""
        return None

    def plan(self, namespace: str) -> Plan | None:
        """Return where faults are armed; None where the harness can not inject any."""
        return None

    def replaceable(self, folder: Path) -> Replaceable | None:
        """Return a new store that can be replaced by others; ``folder`` is empty. None where the harness has none of STORES."""
        return None

    def process(self, namespace: str) -> Process | None:
        """Return the processes that serve a namespace; None where nothing can be done to them."""
        return None

    def end(self, namespace: str) -> None:  # noqa: B027 - many have nothing to do
        """Forget a namespace; its handles are closed."""

    @property
    def answers(self) -> str:
        """What answers, in words, for the report; empty where there is no server."""
        return ""

    def spared(self, fault: Fault) -> str | None:
        """Return why a fault can not befall this backend at all; None where it can, whether it is injected or not."""
        return None

    def lacking(self, case: Case) -> Absence | None:
        """Return why a case can not be had on this backend; None where it can."""
        for need in sorted(case.needs - self.capabilities):
            return Absence(f"the backend is not {need.value}")
        for need in sorted(case.lacks & self.capabilities):
            return Absence(f"the backend is {need.value}")
        for fault in sorted(case.injects - self.faults):
            reason = self.spared(fault)
            if reason is not None:
                return Absence(reason)
        if case.injects and not self.faults:
            return Absence("the harness injects no faults", applies=True)
        for fault in sorted(case.injects - self.faults):
            return Absence(f"the harness can not inject: {fault.value}", applies=True)
        if case.process and not self.in_processes:
            return Absence("the backend can not be opened by a URL", applies=True)
        if case.settings and self.settings("any") is None:
            return Absence("the harness has no lines of a configuration file", applies=True)
        return None


class Store:
    """One namespace of a backend, the own of one case, and the handles that the case opens on it.

    ``injecting``: all of them obey a plan.
    """

    def __init__(self, harness: Harness, *, injecting: bool = False, notes: Notes | None = None) -> None:
        self.harness = harness
        self._notes = notes if notes is not None else Notes()
        self.namespace = f"case-{secrets.token_hex(6)}"
        self._plan = self._notes.plan = harness.plan(self.namespace) if injecting else None
        self._handles = ExitStack()

    def open(self, **settings: Any) -> dfbackends.Backend:
        """Return a new handle, which is closed at the end of the case at the latest."""
        opened = self.harness.open(self.namespace, **settings)
        self._notes.limits = opened.db.limits._asdict()
        return self._handles.enter_context(self._notes.trace.handle(opened))

    @cached_property
    def backend(self) -> dfbackends.Backend:
        """The first handle."""
        return self.open()

    @property
    def db(self) -> dfbackends.Database:
        """The tables of the first handle."""
        return self.backend.db

    @property
    def pubsub(self) -> dfbackends.PubSub:
        """The topics of the first handle."""
        return self.backend.pubsub

    @property
    def url(self) -> str:
        """What another process opens."""
        url = self.harness.url(self.namespace)
        assert url is not None, "mark the case with process=True"
        return url

    @property
    def plan(self) -> Plan:
        """Where faults are armed."""
        assert self._plan is not None, "mark the case with what it injects"
        return self._plan

    @property
    def process(self) -> Process:
        """The processes of the server."""
        process = self.harness.process(self.namespace)
        assert process is not None, "mark the case with what it injects"
        return process

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if self._plan is not None:
                self._plan.mend()
            self._handles.close()
        finally:
            self.harness.end(self.namespace)
        if self._plan is not None and kind is None:
            self._plan.check()
