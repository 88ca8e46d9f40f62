"""What a store tells of its changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from contract_tests.mutants.registry import mutant
from dfbackends.api import Change, Head, OpId, Position, Record, Stream, Table, Write
from dfbackends.changes import Changes
from dfbackends.drivers.memory import MemoryDb, Store
from dfbackends.drivers.memory.feed import ChangeFeed
from dfbackends.drivers.memory.store import Logged
from dfbackends.reliable import Reliable


@mutant(kills="test_many_mirrors_share_one_line")
class ChangesComeTwice(ChangeFeed):
    """Each change is told twice."""

    def _told(self, logged: Logged) -> Iterator[Change]:
        for change in super()._told(logged):
            yield change
            yield change._replace(prev=change.head)


@mutant(kills="test_a_slow_line_is_no_fault")
class ChangesHaveNoPrev(ChangeFeed):
    """A change does not tell which head was before it."""

    def _told(self, logged: Logged) -> Iterator[Change]:
        for change in super()._told(logged):
            yield change._replace(prev="")


@mutant(kills="test_the_last_change_is_dropped")
class HeadsNeverChange(Store):
    """All heads are the same for ever."""

    def put(self, write: Write, op: OpId) -> int:
        revision = super().put(write, op)
        logged = self.log.pop()
        self.log.append(logged._replace(changes=[change._replace(prev="", head="") for change in logged.changes]))
        self.heads.clear()
        return revision


@mutant(kills="test_an_older_store_is_noticed")
class HeadsAreComparedByOrder(Changes):
    """A head of the store that is older than the one that was seen last is no difference."""

    def heads(self, streams: Sequence[Stream], within: float) -> list[Head]:
        found = list(super().heads(streams, within))
        for place, stream in enumerate(streams):
            for replica in self._replicas.get(stream, ()):
                mine = _plain(replica._parts[stream].chains.heads)
                if _number(mine) > _number(_plain(found[place])):
                    found[place] = mine
        return found


def _plain(head: Head) -> str:
    return head if isinstance(head, str) else head.get("", "")


def _number(head: str) -> int:
    return int(head.partition(":")[0] or 0)


@mutant(kills="test_a_wiped_store_is_noticed")
class EmptyHeadsAreIgnored(Changes):
    """A store that knows nothing of a stream is not compared."""

    def heads(self, streams: Sequence[Stream], within: float) -> list[Head]:
        found = list(super().heads(streams, within))
        for place, stream in enumerate(streams):
            for replica in self._replicas.get(stream, ()):
                found[place] = found[place] or replica._parts[stream].chains.heads
        return found


@mutant(kills="test_another_store_is_noticed")
class HeadsAreNotCompared(Changes):
    """The heads of the store are taken for those that were seen last."""

    def heads(self, streams: Sequence[Stream], within: float) -> list[Head]:
        super().heads(streams, within)
        return [self._heads_of(stream) for stream in streams]

    def _heads_of(self, stream: Stream) -> Head:
        return next((dict(replica._parts[stream].chains.heads) for replica in self._replicas.get(stream, ())), {})


@mutant(kills="test_an_entry_that_moves_out_is_a_delete")
class MovesAreNotTold(ChangeFeed):
    """That an entry has left a topic is not told to who follows the topic."""

    def _told(self, logged: Logged) -> Iterator[Change]:
        for change in super()._told(logged):
            if change.record is None and change.stream.topic is not None:
                self.__dict__.setdefault("hidden", {}).setdefault(change.stream, change.prev)
                continue
            prev = self.__dict__.setdefault("hidden", {}).pop(change.stream, change.prev)
            yield change._replace(prev=prev)


@mutant(kills="test_only_the_chosen_topics_travel")
class AllTopicsTravel(Reliable):
    """The list of a topic is chosen from that of the whole table."""

    def scan(self, table: Table, topic: str | None) -> Iterator[tuple[str, Record]]:
        return (item for item in super().scan(table, None) if topic in (None, item[1].topic))


@mutant(kills="test_a_line_that_resumes")
class LinesOfChangesForget(MemoryDb):
    """A line of changes can not go on where it broke, though messages can."""

    def watch(self, after: Position | None = None) -> Any:
        return super().watch(None)


@mutant(kills="test_a_fault_of_the_line")
class LostChangesAreForgotten(Changes):
    """What was lost while the line was down is not loaded again."""

    def recovered(self) -> None:
        return


@mutant(kills="test_a_line_that_is_down_is_told_at_once")
class OutagesOfChangesAreNotTold(Changes):
    """While the line of changes is down the copies count as current."""

    def lost(self, code: Any) -> None:
        return

    def resumed(self, heads: Mapping[Any, Head]) -> None:
        for stream, replicas in list(self._replicas.items()):
            for replica in replicas:
                replica.doubt([stream])
