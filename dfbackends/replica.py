"""Entries of some streams of a table, kept current by the changes of the streams."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from itertools import pairwise
from typing import NamedTuple, Protocol

from dfbackends.api import Change, Head, Record, Stream
from dfbackends.cell import Cell, same
from dfbackends.chains import Chains, by_chain


class State(Enum):
    """How the entries of one stream relate to the store."""

    WANTED = "wanted"
    """They have to be loaded."""
    LOADING = "loading"
    """The changes come, and a snapshot is under way."""
    CURRENT = "current"
    """They were loaded, and every change since was applied."""
    INTERRUPTED = "interrupted"
    """They were current when the line broke; it may go on where it did."""


class Difference(NamedTuple):
    """What became of a key since it was told last: None stands for an absent entry."""

    key: str
    old: Cell | None
    new: Cell | None


class Tell(Protocol):
    """Is called with what changed, and whether the replica is synced."""

    def __call__(self, differences: Sequence[Difference], *, synced: bool) -> None:
        """Take it in; must not raise."""


class _Part:
    """One stream: its entries, how far it has come, and what changed since its loading began."""

    def __init__(self) -> None:
        self.state = State.WANTED
        self.chains = Chains()
        self.cells: dict[str, Cell] = {}
        self.since: dict[str, Change] = {}


class Replica:
    """Changes are applied by the thread that reads the line, snapshots by another; readers of ``cells`` need no lock."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.cells: dict[str, Cell] = {}
        """The entries by key. Replaced or changed one entry at a time, so that it may be read at any moment."""
        self._changed = changed
        # Guards the parts and what was not told yet. Held for moments only, but for the end of a loading.
        self._lock = threading.Lock()
        self._parts: dict[Stream, _Part] = {}
        self._untold: dict[str, Cell | None] = {}
        self._lapsed = False

    def follow(self, streams: Iterable[Stream]) -> list[Stream]:
        """Hold these streams; return those that are held no longer. Their entries leave."""
        with self._lock:
            wanted = set(streams)
            new = [stream for stream in wanted if stream not in self._parts]
            old = [stream for stream in self._parts if stream not in wanted]
            for stream in new:
                self._parts[stream] = _Part()
            for stream in old:
                part = self._parts.pop(stream)
                for key in list(part.cells):
                    self._set(part, key, None)
        self._changed()
        return old

    def begin(self, stream: Stream, head: Head) -> None:
        """The changes of a stream come from this head on."""
        with self._lock:
            part = self._parts.get(stream)
            if part is not None:
                part.state, part.chains, part.since = State.LOADING, Chains(head), {}

    def apply(self, changes: Sequence[Change]) -> None:
        """Apply changes, in their order. One that does not follow the last head of its stream shows that some are missing."""
        with self._lock:
            for change in _moves_first_in(changes):
                part = self._parts.get(change.stream)
                if part is None or part.state not in (State.LOADING, State.CURRENT):
                    continue
                if not part.chains.advance(change):
                    part.state = State.WANTED
                    continue
                if part.state is State.LOADING:
                    part.since[change.name] = change
                self._apply(part, change)
        self._changed()

    def load(self, stream: Stream, snapshot: Iterable[tuple[str, Record]]) -> bool:
        """Make the entries of a stream those of a snapshot that was taken after ``begin``, and of the changes since.

        Return False where the changes broke off meanwhile.
        """
        fresh: dict[str, Record | None] = dict(snapshot)
        with self._lock:
            part = self._parts.get(stream)
            if part is None or part.state is not State.LOADING:
                return False
            for name, change in part.since.items():
                record = fresh.get(name)
                if record is None or record.revision < change.revision:
                    fresh[name] = change.record
            for key in [key for key in part.cells if fresh.get(key) is None]:
                self._set(part, key, None)
            for key, record in fresh.items():
                if record is not None and (key not in part.cells or part.cells[key].record != record):
                    self._set(part, key, Cell(record))
            part.state, part.since = State.CURRENT, {}
        self._changed()
        return True

    def interrupt(self) -> None:
        """The changes have broken off; they may go on there."""
        with self._lock:
            self._lapsed = True
            for part in self._parts.values():
                part.state = State.INTERRUPTED if part.state is State.CURRENT else State.WANTED
        self._changed()

    def resume(self, stream: Stream, head: Head) -> None:
        """The changes of a stream go on where they broke off, from this head."""
        with self._lock:
            part = self._parts.get(stream)
            if part is not None:
                goes_on = part.state is State.INTERRUPTED and part.chains.heads == by_chain(head)
                part.state = State.CURRENT if goes_on else State.WANTED
        self._changed()

    def doubt(self, streams: Iterable[Stream] | None = None) -> None:
        """Streams, or all, have to be loaded again."""
        with self._lock:
            for stream in list(self._parts) if streams is None else streams:
                if stream in self._parts:
                    self._parts[stream].state = State.WANTED
        self._changed()

    def wanted(self) -> list[Stream]:
        """Return the streams that have to be loaded."""
        return [stream for stream, part in self._snapshot() if part.state is State.WANTED]

    def overdue(self) -> list[Stream]:
        """Return the streams that have not come to the head that the store told at the last check."""
        return [stream for stream, part in self._snapshot() if part.state is State.CURRENT and part.chains.overdue]

    def check(self, ask: Callable[[list[Stream]], Sequence[Head]]) -> bool:
        """Compare the heads with those of the store; return whether they are the same. Those that are not are awaited."""
        with self._lock:
            streams = {stream: part.chains for stream, part in self._parts.items() if part.state is State.CURRENT}
            for chains in streams.values():
                chains.watch()
        try:
            heads = ask(list(streams))
            with self._lock:
                for chains, head in zip(streams.values(), heads, strict=True):
                    chains.compare(head)
        finally:
            with self._lock:
                for chains in streams.values():
                    chains.forget()
        return not any(chains.overdue for chains in streams.values())

    @property
    def current(self) -> bool:
        """Whether all streams are."""
        return all(part.state is State.CURRENT for _, part in self._snapshot())

    def lapse(self) -> bool:
        """Return whether the changes have broken off since the last call, even if they go on already."""
        with self._lock:
            lapsed, self._lapsed = self._lapsed, False
        return lapsed

    def untold(self) -> list[Difference]:
        """Return what has changed since the last call, once for each key, and only what can be told apart."""
        with self._lock:
            untold, self._untold = self._untold, {}
            differences = [Difference(key, old, self.cells.get(key)) for key, old in untold.items()]
        return [found for found in differences if not same(found.old, found.new)]

    def has_untold(self) -> bool:
        """Whether something has changed, or broken off, since it was asked for."""
        return bool(self._untold) or self._lapsed

    def _snapshot(self) -> list[tuple[Stream, _Part]]:
        with self._lock:
            return list(self._parts.items())

    def _apply(self, part: _Part, change: Change) -> None:
        cell = part.cells.get(change.name)
        if cell is None or cell.record.revision < change.revision:
            self._set(part, change.name, Cell(change.record) if change.record is not None else None)

    def _set(self, part: _Part, key: str, cell: Cell | None) -> None:
        """Change one entry of a part. Of an entry that several parts have, while it moves, the newest counts."""
        if cell is not None:
            part.cells[key] = cell
        else:
            part.cells.pop(key, None)
        if len(self._parts) > 1 or part not in self._parts.values():
            cells = [other.cells[key] for other in self._parts.values() if key in other.cells]
            cell = max(cells, key=lambda found: found.record.revision, default=None)
        old = self.cells.get(key)
        if cell is old:
            return
        self._untold.setdefault(key, old)
        if cell is not None:
            self.cells[key] = cell
        else:
            del self.cells[key]


def _moves_first_in(changes: Sequence[Change]) -> Sequence[Change]:
    """Return the changes, so that an entry that moves enters its new stream before it leaves the old one."""
    if not any(one.revision == other.revision for one, other in pairwise(changes)):
        return changes
    ordered = list(changes)
    for place in range(1, len(ordered)):
        one, other = ordered[place - 1 : place + 1]
        if (one.name, one.revision) == (other.name, other.revision) and one.record is None and other.record is not None:
            ordered[place - 1 : place + 1] = other, one
    return ordered
