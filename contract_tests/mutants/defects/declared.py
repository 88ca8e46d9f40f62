"""What is declared and is not there, or is there and not declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from contract_tests.mutants.bare import Bare
from contract_tests.mutants.registry import Base, mutant
from dfbackends.api import (
    Change,
    Expect,
    Feed,
    Fence,
    Key,
    Message,
    OpId,
    Position,
    Stream,
    Transactional,
    Watching,
    Write,
)
from dfbackends.drivers.memory.feed import MessageFeed


@mutant(kills="test_transactions_are_there_or_not", base=Base.FORGETFUL)
class TransactionsAreDeclaredOnly(Bare, Watching):
    """Transactions are declared, and there are none."""

    def watch(self, after: Position | None = None) -> Feed[Stream, Change]:
        return self._driver.watch(after)

    def heads(self, streams: Sequence[Stream]) -> list[str]:
        return self._driver.heads(streams)


@mutant(kills="test_transactions_are_there_or_not", base=Base.BARE)
class TransactionsAreNotDeclared(Bare, Transactional):
    """There are transactions, which are not declared."""

    def commit(
        self, writes: Sequence[Write], checks: Mapping[Key, Expect | int], messages: Sequence[Message], op: OpId
    ) -> list[int] | None:
        return self._driver.commit(writes, checks, messages, op)

    def cancel(self, keys: Sequence[Key], op: OpId) -> list[int | None | Fence]:
        return self._driver.cancel(keys, op)


@mutant(kills="test_recovered_only_if_the_position_is_gone")
class ResumingIsDeclaredOnly(MessageFeed):
    """That messages go on where a line broke is declared, and they do not."""

    @property
    def position(self) -> Position | None:
        return None
