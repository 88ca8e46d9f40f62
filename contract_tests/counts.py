"""How much is enough: the figures of the clauses, and what a quick run makes of them."""

from __future__ import annotations

from typing import NamedTuple


class Counts(NamedTuple):
    """The figures of one profile."""

    examples: int
    steps: int
    """Of the state machine: sequences, and operations in each."""
    increments: int
    """Of each thread and process that counts by compare-and-swap."""
    allocations: int
    """Of each thread; a process makes half of it."""
    batches: tuple[int, ...]
    topics: int
    messages: int
    openings: int
    starts: int
    """Of a mirror."""
    histories: int
    operations: int
    """Of each client in a history that is searched for an order."""
    long: int
    """Of each client in a history whose revisions are compared."""


PROFILES = {
    "full": Counts(
        examples=60,
        steps=50,
        increments=50,
        allocations=2_000,
        batches=(1, 99, 101, 1_001, 10_001),
        topics=1_000,
        messages=1_000,
        openings=200,
        starts=200,
        histories=5,
        operations=60,
        long=1_000,
    ),
    "quick": Counts(
        examples=30,
        steps=40,
        increments=10,
        allocations=100,
        batches=(1, 99, 101),
        topics=100,
        messages=200,
        openings=20,
        starts=20,
        histories=5,
        operations=60,
        long=100,
    ),
}
