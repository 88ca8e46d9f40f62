"""Batches, and how they are undone."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from contract_tests.mutants.registry import Base, mutant
from dfbackends.api import Expect, Key, Record, Write
from dfbackends.batch import Batch
from dfbackends.errors import Error, OutcomeUnknown, RollbackFailed, Unavailable
from dfbackends.undo import Done
from dfbackends.writer import Announcement, Announcer, Writer


@mutant(kills="test_a_change_by_another_client_after_it_is_not_undone")
class UndoingTramples(Batch):
    """What another client wrote since is undone, too."""

    def _send_group(self, group: Sequence[Write], found: dict[Key, Record | None], done: dict[Key, Done]) -> None:
        before = {**found, **{key: step.before for key, step in done.items()}}
        try:
            super()._send_group(group, found, done)
        except RollbackFailed as error:
            for table, name in error.keys:
                key = self._encoder.key(table, name)
                record = before[key]
                value, topic = (record.value, record.topic) if record is not None else (None, "")
                self._store.write([Write(key, value, topic)])
            assert error.__cause__ is not None
            raise error.__cause__ from None


@mutant(kills="test_the_nth_write_is_refused")
class OnlyTheLastPartIsUndone(Batch):
    """Of a batch that is sent in several parts the last one is undone."""

    def _send_group(self, group: Sequence[Write], found: dict[Key, Record | None], done: dict[Key, Done]) -> None:
        mine: dict[Key, Done] = {}
        super()._send_group(group, found, mine)
        done.update(mine)


@mutant(kills="test_a_batch_that_does_not_fit_sends_nothing")
class BatchesReplace(Batch):
    """A create in a batch replaces what is there."""

    def _add(self, key: Key, value: bytes | None, expect: Expect, topic: str | None) -> None:
        super()._add(key, value, Expect.ANY if expect is Expect.ABSENT else expect, topic)


@mutant(kills="test_an_exception_in_the_block_sends_nothing")
class BatchesAreSentAnyway(Batch):
    """A batch is sent also when its block ends with an exception."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        super().__exit__(None, None, None)


@mutant(kills="test_all_verbs_in_order")
class DeletionsComeLast(Batch):
    """A batch does its deletions behind all other writes."""

    def _planned(self, state: dict[Key, Record | None]) -> list[Write]:
        return sorted(super()._planned(state), key=lambda write: write.value is None)


@mutant(kills="test_what_can_not_be_undone_is_named")
class WhatIsNotUndoneIsNotNamed(Batch):
    """The error of a batch that could not be undone names one key."""

    def _send_group(self, group: Sequence[Write], found: dict[Key, Record | None], done: dict[Key, Done]) -> None:
        try:
            super()._send_group(group, found, done)
        except RollbackFailed as error:
            error.keys = error.keys[:1]
            raise


class Nameless(RollbackFailed):
    """Forgets its keys on the way to another process."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _nameless, (str(self), self.code)


def _nameless(text: str, code: Any) -> Nameless:
    return Nameless(text, code=code, keys=())


@mutant(kills="test_rollback_failed_pickles")
class NamesAreNotPickled(Batch):
    """The error of a batch that could not be undone loses the names of the keys when it is pickled."""

    def _send_group(self, group: Sequence[Write], found: dict[Key, Record | None], done: dict[Key, Done]) -> None:
        try:
            super()._send_group(group, found, done)
        except RollbackFailed as error:
            raise Nameless(str(error), code=error.code, keys=error.keys) from error.__cause__


@mutant(kills="test_the_nth_write_stays_in_doubt", base=Base.BARE)
class DoubtIsUndone(Batch):
    """A write in doubt counts as one that was not done."""

    def _send_group(self, group: Sequence[Write], found: dict[Key, Record | None], done: dict[Key, Done]) -> None:
        try:
            super()._send_group(group, found, done)
        except RollbackFailed:
            raise Unavailable("the batch was undone", code="unreachable") from None


@mutant(kills="test_a_change_by_another_client_before_it_is_a_conflict")
class BatchesLookAgain(Batch):
    """A batch takes for what it had read what is there when it writes, and writes over another client's change."""

    def _send_group(self, group: Sequence[Write], found: dict[Key, Record | None], done: dict[Key, Done]) -> None:
        try:
            super()._send_group(group, found, done)
        except Error:
            keys = [write.key for write in group]
            found.update(zip(keys, self._store.read(keys), strict=True))
            super()._send_group(group, found, done)


@mutant(kills="test_publishing_fails", base=Base.FORGETFUL)
class WritesStayUnannounced(Writer):
    """A write stays when its message could not be published."""

    def _in_two_steps(self, write: Write, topic: str, data: Any, announcer: Announcer) -> int | None:
        revision = self.write(write, None)
        if revision is not None:
            announcer.publish(topic, data)
        return revision


@mutant(kills="test_publishing_is_in_doubt", base=Base.FORGETFUL)
class DoubtfulMessagesUndo(Writer):
    """A write is undone when nobody knows whether its message was published."""

    def _in_two_steps(self, write: Write, topic: str, data: Any, announcer: Announcer) -> int | None:
        [before] = self._store.read([write.key])
        try:
            return super()._in_two_steps(write, topic, data, announcer)
        except OutcomeUnknown:
            value, place = (before.value, before.topic) if before is not None else (None, "")
            self.write(Write(write.key, value, place), None)
            raise


@mutant(kills="test_another_clients_change_is_not_undone", base=Base.FORGETFUL)
class UnannouncedWritesTrample(Writer):
    """What another client wrote is undone along with a write that could not be announced."""

    def _in_two_steps(self, write: Write, topic: str, data: Any, announcer: Announcer) -> int | None:
        [before] = self._store.read([write.key])
        try:
            return super()._in_two_steps(write, topic, data, announcer)
        except RollbackFailed:
            value, place = (before.value, before.topic) if before is not None else (None, "")
            self.write(Write(write.key, value, place), None)
            raise


@mutant(kills="test_what_is_not_written_is_not_announced", base=Base.FORGETFUL)
class MessagesComeFirst(Writer):
    """The message of a write is published before the write is tried."""

    def _in_two_steps(self, write: Write, topic: str, data: Any, announcer: Announcer) -> int | None:
        announcer.publish(topic, data)
        return self.write(write, None)


@mutant(kills="test_a_write_is_announced", base=Base.FORGETFUL)
class DeletionsAreNotAnnounced(Writer):
    """The message of a deletion is not published."""

    def write(self, write: Write, announce: Announcement | None) -> int | None:
        return super().write(write, None if write.value is None else announce)
