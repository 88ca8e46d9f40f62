"""Mirrors, compared with the store that they copy."""

from __future__ import annotations

from typing import Any

import dfbackends
from contract_tests.waiting import FACTOR, SOON, eventually
from dfbackends import Changed, Entry, Mirror

Content = tuple[Any, str]
"""A value and its topic: what is written again unchanged has a new revision, and is not told."""


def wait_equal(mirror: Mirror, db: dfbackends.Database, budget: float = SOON) -> None:
    """Return once a mirror has exactly what the store has, and says so; nobody writes meanwhile."""
    topics = mirror.topics
    wanted = {entry.key: entry for entry in db.entries(mirror.table) if topics is None or entry.topic in topics}
    mirror.wait_synced(budget * FACTOR)
    eventually(lambda: {entry.key: entry for entry in mirror.entries()} == wanted, "it equals the store", budget)
    eventually(lambda: mirror.synced, "it is synced", budget)


class Told:
    """What a mirror tells: its changes, what they add up to, and what ``synced`` became.

    Each change has to begin where the one before it of the same key ended.
    """

    def __init__(self) -> None:
        self.changes: list[Changed] = []
        self.content: dict[str, Content] = {}
        self.states: list[bool] = []
        self.wrong: list[tuple[Changed, Content | None]] = []

    def on_change(self, change: Changed) -> None:
        """Remember a change."""
        before = self.content.pop(change.key, None)
        old, new = (_content(entry) if entry is not None else None for entry in (change.old, change.new))
        if old != before or old == new:
            self.wrong.append((change, before))
        if new is not None:
            self.content[change.key] = new
        self.changes.append(change)

    def on_state(self, _: Mirror, synced: bool) -> None:
        """Remember a state."""
        self.states.append(synced)

    def wait_stale(self) -> None:
        """Return once it was told that the mirror is stale, after it had been current."""
        eventually(lambda: False in self.states[1:], "it is told to be stale")

    def wait_synced(self) -> None:
        """Return once the last that was told is that it is current."""
        eventually(lambda: self.states[-1:] == [True], "it is told to be current")


def content(mirror: Mirror) -> dict[str, Content]:
    """Return what a mirror has, as ``Told`` keeps it."""
    return {entry.key: _content(entry) for entry in mirror.entries()}


def _content(entry: Entry) -> Content:
    return entry.value, entry.topic
