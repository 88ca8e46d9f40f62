"""Errors that say too little, too much, or what is not true."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from contract_tests.mutants.registry import Base, mutant
from dfbackends import Database, Entry
from dfbackends.api import Key, OpId, Write
from dfbackends.catalog import Catalog, Definition
from dfbackends.errors import BackendError, Error, KeyNotFound, Operation, OutcomeUnknown, Refused, Unavailable, undone, unknown
from dfbackends.outcomes import Outcome
from dfbackends.publisher import Publisher
from dfbackends.reliable import Reliable
from dfbackends.resolver import Answers

LOG = logging.getLogger(__name__)

R = TypeVar("R")


@mutant(kills="test_every_error_of_the_client_is_ours")
class ErrorsOfReadingAreRaw(Reliable):
    """What the client raises while something is read is handed on as it is."""

    def repeated(self, call: Callable[[], R], doing: str, keys: Sequence[Key], within: float = math.inf) -> R:
        try:
            return super().repeated(call, doing, keys, within)
        except BackendError as error:
            if isinstance(error.__cause__, Exception) and not isinstance(error, Unavailable):
                raise error.__cause__ from None
            raise


@mutant(kills="test_every_error_of_the_client_is_ours")
class ErrorsTellSecrets(Reliable):
    """The text of an error is that of the client."""

    def _understood(self, error: Exception, doing: str, keys: Sequence[Key]) -> Error:
        failure = super()._understood(error, doing, keys)
        failure.args = (f"{failure}: {error}",)
        return failure


@mutant(kills="test_every_error_pickles")
class ErrorsTellKeys(Database):
    """The text of KeyNotFound has the key."""

    def entry(self, table: str, key: str) -> Entry:
        try:
            return super().entry(table, key)
        except KeyNotFound as error:
            error.args = (f"{error}: {key}",)
            raise


@mutant(kills="test_every_error_pickles")
class TheLogTellsValues(Reliable):
    """What is written stands in the log, at the lowest level."""

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        LOG.debug("writing %s", writes)
        return super().write(writes)


@mutant(kills="test_reasons_are_distinct")
class ReasonsAreMixed(Reliable):
    """A server that is full is told as overloaded."""

    def _understood(self, error: Exception, doing: str, keys: Sequence[Key]) -> Error:
        failure = super()._understood(error, doing, keys)
        if isinstance(failure, BackendError) and failure.code == "full":
            failure.code = "overloaded"
        return failure


@mutant(kills="test_reasons_are_distinct")
class RefusalsAreRepeated(Reliable):
    """What was refused is tried again: with wrong credentials, too."""

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        try:
            return super().write(writes)
        except Refused:
            return super().write(writes)


@mutant(kills="test_a_frozen_server")
class DeadlinesAreStretched(Reliable):
    """A call that has failed at its deadline is tried once more, with another one."""

    def repeated(self, call: Callable[[], R], doing: str, keys: Sequence[Key], within: float = math.inf) -> R:
        try:
            return super().repeated(call, doing, keys, within)
        except Unavailable:
            return super().repeated(call, doing, keys, within)


@mutant(kills="test_a_server_that_comes_back")
class NothingIsRepeated(Reliable):
    """A read that has failed is not tried again."""

    def repeated(self, call: Callable[[], R], doing: str, keys: Sequence[Key], within: float = math.inf) -> R:
        self.check_open()
        try:
            return call()
        except Exception as error:
            raise undone(self._understood(error, doing, keys)) from error


@mutant(kills="test_the_first_write_to_a_table")
class NotesInDoubtAreDoubts(Catalog):
    """A write that was not sent, since the table could not be noted, is told as one in doubt."""

    def writable(self, name: str) -> Definition:
        try:
            return super().writable(name)
        except Unavailable as error:
            raise unknown(error) from error.__cause__


@mutant(kills="test_what_the_core_keeps")
class DoubtsOfTheCoreAreSettledWrongly(Database):
    """What is in doubt of a table or an id is told as done."""

    def resolve(self, error: OutcomeUnknown) -> bool:
        return error.operation is None or super().resolve(error)


@mutant(kills="test_a_lost_reply_is_told", base=Base.BARE)
class DoubtIsDenied(Reliable):
    """A write of which nobody knows whether it was done is told as not done."""

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        try:
            return super().write(writes)
        except OutcomeUnknown as error:
            raise undone(error) from error.__cause__


@mutant(kills="test_ids_are_lost_rather_than_repeated", base=Base.BARE)
class DoubtfulIdsAreGivenAgain(Reliable):
    """A write in doubt is put back: an id of which nobody knows who has it is given again."""

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        before = self.driver.read([write.key for write in writes]) if self._is_id(writes) else []
        try:
            return super().write(writes)
        except OutcomeUnknown:
            back = [Write(write.key, record.value if record else None) for write, record in zip(writes, before, strict=False)]
            self.driver.write(back, self.new_op())
            raise

    def _is_id(self, writes: Sequence[Write]) -> bool:
        return all(write.key.table.name.endswith("!ids") for write in writes)


@mutant(kills="test_ids_are_unique_over_lost_replies")
class RepeatedIdsAreTheOthers(Reliable):
    """A count that finds itself repeated takes what is there for its own."""

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        outcomes = super().write(writes)
        if outcomes == [None] and writes[0].key.table.name.endswith("!ids"):
            [record] = self.driver.read([writes[0].key])
            return [record.revision if record is not None else None]
        return outcomes


@mutant(kills="test_a_late_arrival_of_a_refused_write")
class RefusalsLeaveNoFence(Reliable):
    """A write that was refused at its second attempt may still arrive by its first."""

    def _cancelled(self, operation: Operation, keys: Sequence[Key], doubtful: Collection[int]) -> Answers:
        # Nothing has changed the entries since: they are what made it fail.
        if self.driver.read(keys) != [None] * len(keys):
            return [None for _ in keys]
        return super()._cancelled(operation, keys, doubtful)


@mutant(kills="test_a_publish_whose_reply_was_lost")
class DoubtfulMessagesAreNoError(Publisher):
    """A message of which nobody knows whether it was sent is told as sent."""

    def publish(self, items: Sequence[tuple[str, bytes]]) -> None:
        try:
            super().publish(items)
        except OutcomeUnknown:
            return


@mutant(kills="test_a_lost_reply_beside_other_clients")
class SettledByLooking(Reliable):
    """A write that had to be repeated is judged by what is there afterwards."""

    def _settled(self, call: Callable[[], Sequence[int | None]], keys: Sequence[Key], op: OpId) -> list[Outcome]:
        tried: list[int] = []

        def counted() -> Sequence[int | None]:
            tried.append(1)
            return call()

        outcomes = super()._settled(counted, keys, op)
        if len(tried) > 1 and len(keys) == 1 and self.driver.read(keys) == [None]:
            return [None]
        return outcomes


@mutant(kills="test_the_nth_write_is_in_doubt_and_settled")
class WritesAreNotRepeated(Reliable):
    """A write of which nobody knows whether it was done is asked for, and not tried again."""

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        self.patience = self.patience._replace(retries=0)
        return super().write(writes)
