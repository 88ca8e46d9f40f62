"""Files that several processes use, and not all see the same."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from contract_tests.mutants.ahead import Ahead
from contract_tests.mutants.registry import Base, mutant
from dfbackends.api import Change, Expect, Feed, Key, Message, OpId, Position, Record, Stream, Table, Write
from dfbackends.drivers.sqlite import File, SqliteDb, SqlitePubSub, Trim

_PROCESS = os.getpid()


@mutant(kills="test_what_a_killed_process_had_written_is_there", base=Base.FILE)
class WritesWait(SqliteDb):
    """New entries are acknowledged, and written when something else is asked for."""

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        waiting: list[Write] = self.__dict__.setdefault("waiting", [])
        if len(writes) == 1 and writes[0].expect is Expect.ABSENT and "/" in writes[0].key.table.name:
            waiting += writes
            return [time.time_ns() // 1000]
        self._flush()
        return super().write(writes, op)

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        self._flush()
        return super().read(keys)

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        self._flush()
        return super().scan(table, topic)

    def _flush(self) -> None:
        waiting, self.__dict__["waiting"] = self.__dict__.get("waiting", []), []
        for number, write in enumerate(waiting):
            super().write([write], OpId(f"waited-{time.time_ns()}-{number}"))


@mutant(kills="test_a_second_process_sees_what_the_first_wrote", base=Base.FILE)
class OthersAreReadLate(SqliteDb):
    """What another process wrote is not found for half a second."""

    mine: ClassVar[set[int | None]] = set()

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        revisions = super().write(writes, op)
        self.mine.update(revisions)
        return revisions

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        late = time.time_ns() // 1000 - 500_000
        return [
            None if record is not None and record.revision > late and record.revision not in self.mine else record
            for record in super().read(keys)
        ]


@mutant(kills="test_a_second_process_gets_the_messages", base=Base.FILE)
class MessagesStayInside(SqlitePubSub):
    """What is published in a process without a subscriber goes nowhere."""

    listening: ClassVar[list[int]] = []

    def listen(self, after: Position | None = None) -> Feed[str, Message]:
        self.listening.append(os.getpid())
        return super().listen(after)

    def publish(self, messages: Sequence[Message]) -> None:
        if os.getpid() in self.listening:
            super().publish(messages)


@mutant(kills="test_increments_by_threads_and_processes", base=Base.FILE)
class SwapsOfProcessesRace(SqliteDb):
    """A compare-and-swap compares first, and swaps a moment later, whatever another process has done meanwhile."""

    lock: ClassVar[threading.Lock] = threading.Lock()

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        if len(writes) != 1 or not isinstance(writes[0].expect, int):
            return super().write(writes, op)
        [write] = writes
        with self.lock:
            [record] = self.read([write.key])
            if record is None or record.revision != write.expect:
                return [None]
            time.sleep(0.001)
            return super().write([write._replace(expect=Expect.PRESENT)], op)


@mutant(kills="test_ids_over_a_restart", base=Base.FILE)
class IdsAreOfTheProcess(SqliteDb):
    """Each process counts ids of its own."""

    ids: ClassVar[set[Key]] = set()

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        return [
            None if key.table.name.endswith("!ids") and key not in self.ids else record
            for key, record in zip(keys, super().read(keys), strict=True)
        ]

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        loose = [write._replace(expect=Expect.ANY) if write.key.table.name.endswith("!ids") else write for write in writes]
        self.ids.update(write.key for write in writes)
        return super().write(loose, op)


@mutant(kills="test_a_revision_is_good_after_a_restart", base=Base.FILE)
class RevisionsAreOfTheProcess(Ahead):
    """A revision is told with the number of the process in it, and understood by that process."""

    by = os.getpid()


@mutant(kills="test_a_revision_from_before_a_restart", base=Base.FILE)
class OlderRevisionsAreGood(SqliteDb):
    """A file takes a revision that is older than that of the entry."""

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        found = self.read([write.key for write in writes])
        loose = [
            write._replace(expect=record.revision)
            if record is not None and isinstance(write.expect, int) and write.expect < record.revision
            else write
            for write, record in zip(writes, found, strict=True)
        ]
        return super().write(loose, op)


@mutant(kills="test_a_live_subscriber_does_not_keep_the_interpreter", base=Base.FILE)
class SubscribersKeepTheInterpreter(SqlitePubSub):
    """Each line has a thread beside it that keeps the interpreter from ending, until it is closed or 15 seconds are over."""

    def __init__(self, file: File, trim: Trim | None = None) -> None:
        super().__init__(file, trim)
        self.ended = threading.Event()

    def listen(self, after: Position | None = None) -> Feed[str, Message]:
        threading.Thread(target=self.ended.wait, args=(15.0,), daemon=False).start()
        return super().listen(after)

    def close(self) -> None:
        self.ended.set()
        super().close()


class Forked(Exception):
    """This process is a fork of another one."""


@mutant(kills="test_a_fork_may_open_its_own", base=Base.FILE)
class ForksCanNotOpen(SqliteDb):
    """In a fork of a process nothing can be opened."""

    def __init__(self, file: File, trim: Trim | None = None) -> None:
        if os.getpid() != _PROCESS:
            raise Forked
        super().__init__(file, trim)


@mutant(kills="test_another_process_writes_too", base=Base.FILE)
class ChangesOfOthersAreHidden(SqliteDb):
    """What another process changes is not told."""

    mine: ClassVar[set[int | None]] = set()

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        revisions = super().write(writes, op)
        self.mine.update(revisions)
        return revisions

    def watch(self, after: Position | None = None) -> Feed[Stream, Change]:
        feed = super().watch(after)
        usual, last = feed.receive, dict[Stream, str]()

        def receive(timeout: float) -> list[Any]:
            told: list[Any] = []
            for event in usual(timeout):
                if not isinstance(event, Change):
                    told.append(event)
                elif event.revision in self.mine:
                    told.append(event._replace(prev=last.pop(event.stream, event.prev)))
                else:
                    last.setdefault(event.stream, event.prev)
            return told

        feed.__dict__["receive"] = receive
        return feed


@mutant(kills="test_ids_by_processes", base=Base.FILE)
class IdsOfProcessesRace(SqliteDb):
    """An id is counted up from what this process has read, whatever another one has counted since."""

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        return super().write(
            [write._replace(expect=Expect.ANY) if write.key.table.name.endswith("!ids") else write for write in writes], op
        )
