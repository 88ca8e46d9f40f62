"""A database driver over two others, each of which has a half of the keys: what a call does in one may fail in the other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from contract_tests.faults.simulated import ERRORS
from dfbackends.api import DbApi, Expect, Fence, Key, Message, OpId, Record, Table, Transactional, Write
from dfbackends.errors import Divided, ErrorTable

R = TypeVar("R")


class Halves(DbApi, Transactional):
    """Keys whose names are in ``second`` are there, the others in the first half. Both keep outcomes."""

    errors: ErrorTable = ERRORS
    timeout = 0.1

    def __init__(self, halves: tuple[Any, Any], second: Collection[str]) -> None:
        self._halves = halves
        self._second = second

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        return self._divided(keys, lambda half, numbers: half.read([keys[number] for number in numbers]))

    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        keys = [write.key for write in writes]
        return self._divided(keys, lambda half, numbers: half.write([writes[number] for number in numbers], op))

    def cancel(self, keys: Sequence[Key], op: OpId) -> list[int | None | Fence]:
        return self._divided(keys, lambda half, numbers: half.cancel([keys[number] for number in numbers], op))

    def commit(
        self, writes: Sequence[Write], checks: Mapping[Key, Expect | int], messages: Sequence[Message], op: OpId
    ) -> list[int] | None:
        revisions: list[int] | None = self._halves[0].commit(writes, checks, messages, op)
        return revisions

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        for half in self._halves:
            yield from half.scan(table, topic)

    def drop(self, table: Table) -> None:
        for half in self._halves:
            half.drop(table)

    def close(self) -> None:
        for half in self._halves:
            half.close()

    def _divided(self, keys: Sequence[Key], call: Callable[[Any, list[int]], Sequence[R]]) -> list[R]:
        answers: list[Any] = [None] * len(keys)
        for place, half in enumerate(self._halves):
            numbers = [number for number, key in enumerate(keys) if (key.name in self._second) == bool(place)]
            if not numbers:
                continue
            found: Sequence[Any]
            try:
                found = call(half, numbers)
            except Exception as error:
                if len(numbers) == len(keys):
                    raise
                found = [error] * len(numbers)
            for number, answer in zip(numbers, found, strict=True):
                answers[number] = answer
        if any(isinstance(answer, Exception) for answer in answers):
            raise Divided(answers)
        return answers
