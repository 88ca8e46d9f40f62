"""Local copies that are wrong, or do not say that they may be."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from contract_tests.mutants.registry import Base, mutant
from dfbackends.api import Change, Head, Record, Stream, Table
from dfbackends.catalog import Catalog
from dfbackends.chains import by_chain
from dfbackends.codec import decode
from dfbackends.errors import Code
from dfbackends.follower import Follower
from dfbackends.mirror import Mirror
from dfbackends.mirrors import Mirrors
from dfbackends.replica import Difference, Replica, _Part


@mutant(kills="test_each_start_comes_to_equal_the_store")
class ChangesWhileLoadingAreLost(Replica):
    """What changes while a copy is loaded is lost, and the entry stays as it was loaded."""

    def load(self, stream: Stream, snapshot: Iterable[tuple[str, Record]]) -> bool:
        found = list(snapshot)
        time.sleep(0.01)
        with self._lock:
            if stream in self._parts:
                self.__dict__["lost"] = set(self._parts[stream].since)
                self._parts[stream].since = {}
        return super().load(stream, found)

    def _apply(self, part: _Part, change: Change) -> None:
        if change.name not in self.__dict__.get("lost", ()):
            super()._apply(part, change)


@mutant(kills="test_it_reads_as_the_store_does")
class DeletionsAreNotCopied(Replica):
    """An entry that was deleted stays in the copy until it is loaded again."""

    def _apply(self, part: _Part, change: Change) -> None:
        if change.record is not None:
            super()._apply(part, change)


@mutant(kills="test_it_reads_as_the_store_does")
class CopiesCanBeChanged(Mirror):
    """The values of a copy can be changed by who reads them."""

    def get(self, key: str) -> Any:
        return decode(self._cell(key).record.value)


@mutant(kills="test_only_what_changed_is_told")
class SameValuesAreTold(Replica):
    """What was written again unchanged is told as a change."""

    def untold(self) -> list[Difference]:
        with self._lock:
            untold, self._untold = self._untold, {}
            return [Difference(key, old, self.cells.get(key)) for key, old in untold.items()]


@mutant(kills="test_a_snapshot_without_differences_tells_nothing")
class LoadingTellsAll(Replica):
    """A copy that is loaded again tells all entries."""

    def load(self, stream: Stream, snapshot: Iterable[tuple[str, Record]]) -> bool:
        done = super().load(stream, snapshot)
        with self._lock:
            for key in self.cells:
                self._untold[key] = None
        return done


@mutant(kills="test_changes_come_in_the_order_of_revisions")
class OldValuesAreTold(Mirror):
    """The value before a change is not told."""

    def _tell(self, differences: Sequence[Difference], *, synced: bool) -> None:
        super()._tell([difference._replace(old=None) for difference in differences], synced=synced)

    def _call(self, handler: Callable[..., object], *arguments: object) -> None:
        if len(arguments) == 1:
            [changed] = arguments
            arguments = (changed._replace(old=None),)  # type: ignore[attr-defined]
        super()._call(handler, *arguments)


@mutant(kills="test_on_change_that_raises")
class FailedHandlersEndTheCopy(Mirror):
    """An ``on_change`` that raises ends the copy."""

    def _call(self, handler: Callable[..., object], *arguments: object) -> None:
        try:
            handler(*arguments)
        except Exception:  # noqa: BLE001 - whatever it is
            self._follower.stop()


@mutant(kills="test_it_ends")
class CopiesOutliveTheBackend(Mirrors):
    """A copy goes on for a while when its backend was closed."""

    def close(self, until: float) -> None:
        with self._lock:
            self._mirrors = []
        super().close(until)


@mutant(kills="test_topics_may_change_under_load")
class TopicsStay(Follower):
    """Other topics that are set on a copy are those that it says, and not those that it follows."""

    def follow(self, topics: Iterable[str] | None) -> None:
        with self._news:
            self._topics = frozenset(topics) if topics is not None else None


@mutant(kills="test_a_table_that_is_created_later")
class TablesStay(Catalog):
    """A copy stays where its table was looked for first."""

    def located(self, name: str, within: float = math.inf) -> Table:
        found = super().located(name, within)
        places: dict[str, Table] = self.__dict__.setdefault("places", {})
        return places.setdefault(name, found)


@mutant(kills="test_changes_that_are_denied")
class ReasonsAreNotTold(Follower):
    """A copy that is stale does not say why."""

    @property
    def code(self) -> Code | None:
        return None


@mutant(kills="test_a_slow_line_is_no_fault")
class LateChangesAreMissing(Replica):
    """A copy is loaded again when the store has told a change that has not come yet."""

    def check(self, ask: Callable[[list[Stream]], Sequence[Head]]) -> bool:
        same = super().check(ask)
        if not same:
            self._lapsed = True
            self.doubt()
        return same


@mutant(kills="test_writers_at_full_speed_make_no_copy_stale")
class PassedHeadsAreAwaited(Replica):
    """A copy that has gone beyond what the store told at the last check is loaded again."""

    def check(self, ask: Callable[[list[Stream]], Sequence[Head]]) -> bool:
        told = self.__dict__["told"] = {}

        def noted(streams: list[Stream]) -> Sequence[Head]:
            heads = ask(streams)
            told.update(zip(streams, heads, strict=True))
            return heads

        same = super().check(noted)
        if same:
            told.clear()
        return same

    def begin(self, stream: Stream, head: Head) -> None:
        self.__dict__.pop("told", None)
        super().begin(stream, head)

    def overdue(self) -> list[Stream]:
        told = self.__dict__.get("told", {})
        return [stream for stream, head in told.items() if self._parts[stream].chains.heads != by_chain(head)]


@mutant(kills="test_a_store_that_fails_while_loading")
class CopiesAreLoadedInPart(Replica):
    """A copy whose loading breaks off counts as loaded."""

    def load(self, stream: Stream, snapshot: Iterable[tuple[str, Record]]) -> bool:
        found: list[tuple[str, Record]] = []
        with suppress(Exception):
            found.extend(snapshot)
        return super().load(stream, found)


@mutant(kills="test_a_store_that_fails_later")
class CopiesAreTrusted(Follower):
    """A copy that can not be compared counts as current."""

    @property
    def synced(self) -> bool:
        return self.loaded and not self._moved and not self.stopped and self.replica.current


@mutant(kills="test_an_outage_that_nobody_could_be_told_of_in_time")
class ShortOutagesAreNotTold(Replica):
    """An outage that is over before it can be told is not told."""

    def lapse(self) -> bool:
        super().lapse()
        return False


@mutant(kills="test_a_line_that_resumes")
class CopiesAreAlwaysLoadedAgain(Replica):
    """A copy is loaded again after each break, also where the line goes on."""

    def resume(self, stream: Stream, head: Head) -> None:
        self.doubt([stream])


@mutant(kills="test_all_mirrors_of_a_line", base=Base.FORGETFUL)
class OneCopyIsMended(Mirrors):
    """Of several copies on a line the first is mended after an outage."""

    def open(self, table: str, **settings: Any) -> Mirror:
        mirror = super().open(table, **settings)
        changes = self._changes
        if changes is not None and not hasattr(changes, "first"):
            changes.__dict__["first"] = mirror._replica
            changes.__dict__["recovered"] = lambda: changes.__dict__["first"].doubt()
        return mirror


@mutant(kills="test_a_fault_of_the_line", base=Base.FORGETFUL)
class GapsOfChangesAreIgnored(Replica):
    """A change is applied whatever was before it."""

    def apply(self, changes: Sequence[Change]) -> None:
        with self._lock:
            heads = {stream: part.chains.heads.get("", "") for stream, part in self._parts.items()}
        linked = []
        for change in changes:
            linked.append(change._replace(prev=heads.get(change.stream, change.prev)))
            heads[change.stream] = change.head
        super().apply(linked)
