"""A local copy of a table that knows whether it is current."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, NamedTuple

from dfbackends import names
from dfbackends.api import Table
from dfbackends.cell import Cell
from dfbackends.changes import Changes
from dfbackends.entry import Entry
from dfbackends.errors import Closed, Code, Error, InvalidName, KeyNotFound, Unavailable
from dfbackends.failures import Failures
from dfbackends.follower import Follower
from dfbackends.origin import origin
from dfbackends.outage import Outage
from dfbackends.pace import Pace
from dfbackends.reliable import Reliable
from dfbackends.replica import Difference

LOG = logging.getLogger(__name__)


class Changed(NamedTuple):
    """What became of an entry: ``old`` is None where it was added, ``new`` where it was removed. The values are read-only."""

    key: str
    old: Entry | None
    new: Entry | None


OnChange = Callable[[Changed], object]
"""Called with each difference, once: what changed twice meanwhile, or came back unchanged, is told as what became of it.

A mirror that is read is ahead of what it has told. Who keeps something equal to it goes by what is told alone: an entry that
was read before its addition was told, and then went, is never told.
"""

OnState = Callable[["Mirror", bool], object]
"""Called with the mirror, and what ``synced`` has become, after the differences that were found."""


class Mirror:
    """A copy of a table, or of some topics in it, that follows the store.

    Reading it asks nobody. What it returns is shared, and can not be changed: objects are read-only mappings, lists are tuples.
    ``synced`` tells whether it is known to be current; one that is not stays readable, and is mended without help. Made by
    ``Backend.mirror``; ended by ``close``, or at the end of a ``with`` block.
    """

    def __init__(
        self,
        store: Reliable,
        table: str,
        place: Callable[[float], Table],
        *,
        topics: Iterable[str] | None,
        changes: Changes | None,
        on_change: OnChange | None,
        on_state: OnState | None,
        check_interval: float,
        pace: Pace,
        outage: Outage,
    ) -> None:
        self.table = table
        self._on_change = on_change
        self._on_state = on_state
        self._told = False
        self._failures = Failures(LOG, logging.ERROR)
        self._limit = store.driver.limits.topic
        self._follower = Follower(
            store,
            place,
            table=table,
            topics=self._checked(topics),
            changes=changes,
            interval=check_interval,
            pace=pace,
            outage=outage,
            tell=self._tell,
        )
        self._replica = self._follower.replica
        self._follower.start()

    @property
    def synced(self) -> bool:
        """Whether the copy is known to be current, but for changes that are under way.

        It is not after the line broke or changes were missed; nor when comparing it with the store has not been possible, or
        has shown a difference, for two intervals of checking.
        """
        return self._follower.synced

    @property
    def synced_at(self) -> float | None:
        """When the copy was last known to be equal to the store (time.time); None before the first time."""
        return self._follower.synced_at

    @property
    def code(self) -> Code | None:
        """Why it is not ``synced``: what failed last, or why the line of changes is down; None where nothing has failed."""
        return self._follower.code

    @property
    def size(self) -> int:
        """How many entries the copy has; 0 before anything was copied."""
        return len(self._replica.cells)

    @property
    def closed(self) -> bool:
        """Whether it was closed, or its backend was."""
        return self._follower.stopped

    @property
    def topics(self) -> frozenset[str] | None:
        """The topics that are mirrored; None for all entries. May be set while it runs.

        :raises InvalidName: one that is set is not legal; the others stay
        """
        return self._follower.topics

    @topics.setter
    def topics(self, topics: Iterable[str] | None) -> None:
        self._follower.follow(self._checked(topics))

    def wait_synced(self, timeout: float) -> None:
        """Return once the copy is current.

        :raises Unavailable: it did not become so within ``timeout`` seconds
        :raises Closed: the mirror is closed
        """
        if not self._follower.wait(timeout):
            if self.closed:
                raise Closed("the mirror is closed")
            code = self.code
            reason = f" ({code})" if code is not None else ""
            raise Unavailable(
                f"the mirror of {self.table!r} was not current within {timeout:g} s{reason}", code=code or "overloaded"
            )

    def get(self, key: str) -> Any:
        """Return the value of an entry.

        :raises KeyNotFound: the copy does not have it
        :raises Unavailable: nothing was copied yet
        """
        return self._cell(key).value

    def entry(self, key: str) -> Entry:
        """Return an entry. Errors as for ``get``."""
        return _entry(key, self._cell(key))

    def keys(self) -> list[str]:
        """Return the keys as they are now.

        :raises Unavailable: nothing was copied yet
        """
        return list(self._cells())

    def entries(self) -> Iterator[Entry]:
        """Iterate over the entries as they are now.

        :raises Unavailable: nothing was copied yet
        """
        return (_entry(key, cell) for key, cell in self._cells().copy().items())

    def __contains__(self, key: str) -> bool:
        return key in self._cells()

    def __len__(self) -> int:
        return len(self._cells())

    @property
    def thread(self) -> threading.Thread:
        """The one that copies, and calls the handlers."""
        return self._follower.thread

    def stop(self) -> None:
        """Begin to close; do not wait."""
        self._follower.stop()

    def close(self, wait: float = 5.0) -> None:
        """Stop following. A handler that runs is waited for, for ``wait`` seconds at most. Idempotent, from any thread."""
        self.stop()
        self._follower.join(wait)

    def __enter__(self) -> Mirror:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _checked(self, topics: Iterable[str] | None) -> list[str] | None:
        if isinstance(topics, str):
            raise InvalidName("topics are given as a list, not as one text")
        return None if topics is None else [names.check("topic", topic, self._limit) for topic in topics]

    def _cell(self, key: str) -> Cell:
        cell = self._replica.cells.get(key)
        if cell is None or not self._follower.loaded:
            self._cells()
            raise KeyNotFound(self.table, key)
        return cell

    def _cells(self) -> dict[str, Cell]:
        if not self._follower.loaded:
            raise Unavailable(
                f"the mirror of {self.table!r} has copied nothing yet: call wait_synced", code=self.code or "overloaded"
            )
        return self._replica.cells

    def _tell(self, differences: Sequence[Difference], *, synced: bool) -> None:
        if self._on_change is not None:
            for key, old, new in differences:
                if self.closed:
                    return
                try:
                    changed = Changed(key, _maybe(key, old), _maybe(key, new))
                except Error as error:
                    self._failures.tell("entry", "an entry of %s can not be told: %s", self.table, origin(error))
                    continue
                self._call(self._on_change, changed)
        if synced != self._told:
            self._told = synced
            if self._on_state is not None and not self.closed:
                self._call(self._on_state, self, synced)

    def _call(self, handler: Callable[..., object], *arguments: object) -> None:
        try:
            handler(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, the copy goes on.
            where = origin(error)
            self._failures.tell(where, "a handler of the mirror of %s failed: %s", self.table, where)


def _entry(key: str, cell: Cell) -> Entry:
    return Entry(key, cell.value, cell.record.topic, cell.record.revision)


def _maybe(key: str, cell: Cell | None) -> Entry | None:
    return _entry(key, cell) if cell is not None else None
