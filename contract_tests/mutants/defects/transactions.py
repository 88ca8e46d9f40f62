"""Transactions, and the outcomes of what was in doubt."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from contract_tests.mutants.registry import Base, mutant
from dfbackends import Database, OutcomeUnknown
from dfbackends.api import Expect, Fence, Key, Message, OpId, Record, Write
from dfbackends.drivers.memory import MemoryDb
from dfbackends.transaction import Transaction

Checks = Mapping[Key, Expect | int]


@mutant(kills="test_an_expectation_that_fails_changes_nothing")
class CommitsArePartial(MemoryDb):
    """A commit of which an expectation fails does the writes before it."""

    def commit(self, writes: Sequence[Write], checks: Checks, messages: Sequence[Message], op: OpId) -> list[int] | None:
        done = super().commit(writes, checks, messages, op)
        if done is None and writes:
            self.write(writes[:1], OpId(f"{op}+"))
        return done


@mutant(kills="test_no_write_skew")
class ChecksAreIgnored(MemoryDb):
    """A commit checks what it writes, and not what was read."""

    def commit(self, writes: Sequence[Write], checks: Checks, messages: Sequence[Message], op: OpId) -> list[int] | None:
        written = {write.key for write in writes}
        return super().commit(writes, {key: expect for key, expect in checks.items() if key in written}, messages, op)


@mutant(kills="test_a_reader_never_sees_half")
class CommitsAreStepwise(MemoryDb):
    """A commit does its writes one after the other, and others see what is done so far."""

    def commit(self, writes: Sequence[Write], checks: Checks, messages: Sequence[Message], op: OpId) -> list[int] | None:
        first, rest = writes[:1], writes[1:]
        done = super().commit(first, checks, () if rest else messages, OpId(f"{op}-first") if rest else op)
        if done is None or not rest:
            return done
        time.sleep(0.0002)
        return [*done, *(super().commit(rest, {}, messages, op) or ())]


@mutant(kills="test_increments")
class CommitsRace(MemoryDb):
    """A commit checks first, and writes a moment later."""

    def commit(self, writes: Sequence[Write], checks: Checks, messages: Sequence[Message], op: OpId) -> list[int] | None:
        with self._store.lock:
            holds = all(self._store.meets(key, expect) for key, expect in checks.items())
        if not holds and self._store.done.get(op) is None:
            return None
        time.sleep(0.0005)
        return super().commit(writes, {}, messages, op)


@mutant(kills="test_an_empty_transaction_is_harmless")
class ReadingIsNotChecked(MemoryDb):
    """A commit without writes checks nothing."""

    def commit(self, writes: Sequence[Write], checks: Checks, messages: Sequence[Message], op: OpId) -> list[int] | None:
        return super().commit(writes, checks if writes else {}, messages, op)


@mutant(kills="test_transactions_publish")
class MessagesEscape(MemoryDb):
    """The messages of a commit are published also when it is refused."""

    def commit(self, writes: Sequence[Write], checks: Checks, messages: Sequence[Message], op: OpId) -> list[int] | None:
        done = super().commit(writes, checks, messages, op)
        if done is None and messages:
            super().commit((), {}, messages, OpId(f"{op}+"))
        return done


@mutant(kills="test_the_message_comes_with_the_write")
class MessagesAreRepeated(MemoryDb):
    """A commit that is repeated publishes its messages again."""

    def commit(self, writes: Sequence[Write], checks: Checks, messages: Sequence[Message], op: OpId) -> list[int] | None:
        if self._store.done.get(op) is not None and messages:
            super().commit((), {}, messages, OpId(f"{op}+"))
        return super().commit(writes, checks, messages, op)


@mutant(kills="test_a_write_is_announced")
class MessagesAreDoubled(MemoryDb):
    """The messages of a commit are published twice."""

    def commit(self, writes: Sequence[Write], checks: Checks, messages: Sequence[Message], op: OpId) -> list[int] | None:
        return super().commit(writes, checks, [*messages, *messages], op)


@mutant(kills="test_the_line_breaks_in_a_transaction")
class CommitsForgetTheirOutcome(MemoryDb):
    """What a commit did is not kept: one that is repeated is checked again, and finds its own writes."""

    def commit(self, writes: Sequence[Write], checks: Checks, messages: Sequence[Message], op: OpId) -> list[int] | None:
        return super().commit(writes, checks, messages, OpId(uuid.uuid4().hex))


@mutant(kills="test_a_lost_reply_is_settled")
class RetriedWritesMeetThemselves(MemoryDb):
    """A write that is repeated is done again: a create finds that the key exists."""

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        with self._store.lock:
            known = self._store.done.get(op) is not None
        return super().write(writes, OpId(f"{op}+") if known else op)


@mutant(kills="test_a_late_arrival_stays_away")
class LateWritesComeBack(MemoryDb):
    """To cancel leaves no fence: a write that arrives afterwards is done."""

    def cancel(self, keys: Sequence[Key], op: OpId) -> list[int | None | Fence]:
        with self._store.lock:
            known = self._store.done.get(op)
        return list(known) if known is not None else [Fence.NEVER] * len(keys)


@mutant(kills="test_what_could_not_be_settled_is_asked_for_later")
class OutcomesAreLost(MemoryDb):
    """Who asks what became of a write is told that it was not done."""

    def cancel(self, keys: Sequence[Key], op: OpId) -> list[int | None | Fence]:
        super().cancel(keys, op)
        return [Fence.NEVER] * len(keys)


@mutant(kills="test_the_line_stays_broken")
class ResolvingIsHopeful(Database):
    """Who asks later what became of a call is told that it was done."""

    def resolve(self, error: OutcomeUnknown) -> bool:
        super().resolve(error)
        return True


@mutant(kills="test_all_is_done")
class OwnWritesAreNotSeen(Transaction):
    """A transaction reads what was there before its own writes."""

    def get(self, table: str, key: str) -> Any:
        written, self._writes = self._writes, {}
        try:
            return super().get(table, key)
        finally:
            self._writes = written


@mutant(kills="test_the_limit_of_a_transaction")
class LargeTransactionsAreSplit(Transaction):
    """A transaction over the limit is committed in two halves."""

    def _commit(self) -> None:
        most = self._store.driver.limits.commit - len(self._read) - len(self._messages)
        rest = dict(list(self._writes.items())[most:])
        if rest:
            self._writes = {key: write for key, write in self._writes.items() if key not in rest}
        super()._commit()
        if rest:
            self._writes = rest
            super()._commit()


@mutant(kills="test_other_partitions_and_buckets_are_refused")
class PartitionsAreIgnored(Transaction):
    """A transaction takes any table."""

    def _placed(self, key: Key) -> Key:
        self._check_open()
        return key


@mutant(kills="test_an_exception_in_a_transaction_sends_nothing")
class TransactionsAreSentAnyway(Transaction):
    """A transaction is committed also when its block ends with an exception."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        super().__exit__(None, None, None)


@mutant(kills="test_a_read_key_that_was_deleted_and_created_again")
class ValuesAreCompared(Transaction):
    """What was read counts as unchanged where its value is the same."""

    def _commit(self) -> None:
        for key, record in zip(self._read, self._store.read(list(self._read)), strict=True):
            seen = self._read[key]
            if record is not None and seen is not None and record.value == seen.value:
                self._read[key] = record
        super()._commit()


@mutant(kills="test_another_carrier_takes_no_part_in_transactions", base=Base.FORGETFUL)
class MessagesOfTransactionsVanish(Transaction):
    """A transaction takes messages though its store does not carry them."""

    def publish(self, topic: str, data: Any) -> None:
        self._check_open()
        if self._announcer is not None:
            super().publish(topic, data)


@mutant(kills="test_the_line_breaks_while_it_reads")
class FailedReadsAreMissing(Transaction):
    """An entry that can not be read counts as one that is not there."""

    def _current(self, key: Key) -> Record | None:
        try:
            return super()._current(key)
        except Exception:  # noqa: BLE001 - whatever it is
            return None
