"""What a run of the cases has found out about a backend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import msgspec

from contract_tests.capability import Capability
from contract_tests.clauses import Clause
from contract_tests.fault import Fault

FORMAT = 1
"""Of the file. A reader refuses any other."""


class NotAReport(Exception):
    """A file is not the report of a run, or of another format; the text names it and what is wrong."""


class Outcome(str, Enum):
    """What became of a case, from the best to the worst."""

    PASSED = "passed"
    NOT_APPLICABLE = "not applicable"
    """The backend can not have it, by what it declares."""
    NOT_RUN = "not run"
    """The backend should have it; the harness could not try it."""
    DEVIATION = "deviation"
    """Failed as its author has announced."""
    FAILED = "failed"
    INVALID = "invalid"
    """The figures were too low for the case to mean anything."""

    @property
    def ran(self) -> bool:
        """Whether the case was begun."""
        return self not in {Outcome.NOT_APPLICABLE, Outcome.NOT_RUN}


class Tried(str, Enum):
    """Whether a declaration was found true."""

    YES = "yes"
    NO = "no"
    NOT_TRIED = "not tried"


@dataclass(frozen=True)
class Distribution:
    """What was installed."""

    name: str
    version: str


@dataclass(frozen=True)
class Place:
    """Where and when the cases ran. ``server`` is free text: what answered."""

    server: str
    python: str
    platform: str
    date: Annotated[datetime, msgspec.Meta(tz=True)]


@dataclass(frozen=True)
class Extent:
    """How much was run. ``partial`` is why some cases had no turn (chosen by name, interrupted), else empty."""

    profile: str
    seed: int
    counts: dict[str, int | tuple[int, ...]]
    time_factor: float = 1.0
    partial: str = ""


@dataclass(frozen=True)
class Ability:
    """A capability, declared or not; ``verified`` is whether the declaration is true, also where it says no."""

    capability: Capability
    declared: bool
    verified: Tried = Tried.NOT_TRIED


@dataclass(frozen=True)
class Limit:
    """What the backend says it can hold of something."""

    name: str
    declared: int
    unit: str
    verified: Tried = Tried.NOT_TRIED


@dataclass(frozen=True)
class Deviation:
    """A failure that is known. ``until`` is the version or the day at which it is to be gone."""

    id: str
    kind: str
    reason: str
    until: str = ""


@dataclass(frozen=True)
class Run:
    """What became of a case once. ``reason`` is empty only where it has passed.

    ``test`` is the name of the test with its parameters, ``again`` the command that runs just this. ``faults`` counts how often
    each was injected.
    """

    test: str
    clause: str
    outcome: Outcome
    reason: str = ""
    seconds: float = 0.0
    faults: dict[Fault, int] = field(default_factory=dict)
    deviation: Deviation | None = None
    again: str = ""


@dataclass(frozen=True)
class Result(Run):
    """What became of a case in all of its runs: the worst of them, seconds and faults of all together."""

    runs: int = 1
    passed: int = 0


@dataclass(frozen=True)
class Spread:
    """How many were measured, and the seconds they took."""

    samples: int
    min: float
    median: float
    max: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Spread:
        """Return the spread of what was measured.

        :raises ValueError: nothing was
        """
        measured = sorted(seconds)
        if not measured:
            raise ValueError("nothing was measured")
        return cls(len(measured), measured[0], median(measured), measured[-1])


@dataclass(frozen=True)
class Recovery:
    """How long it took until a fault was told, and until all was well again after it had ended; None: not measured."""

    fault: Fault
    detection: Spread | None
    recovery: Spread | None


@dataclass(frozen=True)
class Speed:
    """How many times as long an operation takes as on ``memory`` in the same run."""

    operation: str
    ratio: float


@dataclass(frozen=True, kw_only=True)
class Conformance:
    """The report of a run. It carries the clauses that it was measured by, so that it means the same beside any suite."""

    backend: str
    driver: Distribution
    core: Distribution
    suite: Distribution
    place: Place
    extent: Extent
    clauses: tuple[Clause, ...]
    results: tuple[Result, ...]
    abilities: tuple[Ability, ...] = ()
    limits: tuple[Limit, ...] = ()
    recoveries: tuple[Recovery, ...] = ()
    speeds: tuple[Speed, ...] = ()

    def __post_init__(self) -> None:
        strangers = {result.clause for result in self.results} - {clause.id for clause in self.clauses}
        if strangers:
            raise ValueError(f"results of unknown clauses: {', '.join(sorted(strangers))}")

    def of(self, clause: str) -> tuple[Result, ...]:
        """Return the results of a clause."""
        return tuple(result for result in self.results if result.clause == clause)

    def write(self, path: Path) -> None:
        """Write the report into a file."""
        report = {"format": FORMAT, **msgspec.to_builtins(self, order="deterministic")}
        path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")

    @classmethod
    def read(cls, path: Path) -> Conformance:
        """Return the report that a file holds.

        :raises NotAReport: the file holds something else, or a report of another format
        :raises OSError: there is no such file, or it can not be read
        """
        content = path.read_bytes()
        try:
            found: Any = msgspec.json.decode(content)
            version = found.get("format") if isinstance(found, dict) else None
            if version is None:
                raise NotAReport(f"{path}: not a report of the contract suite")
            if version != FORMAT:
                raise NotAReport(f"{path}: a report of format {version!r}; this suite reads format {FORMAT}")
            return msgspec.json.decode(content, type=cls)
        except msgspec.DecodeError as error:
            raise NotAReport(f"{path}: not a report of the contract suite: {error}") from error
