"""The checker of histories, checked: it accepts what is linearizable, and nothing else."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract_tests.checks.linearizability import CLIENTS, Verdict, after, judged
from contract_tests.checks.operation import Operation


def made(seed: int, length: int, *, overlap: float, doubt: float = 0.0, lost: float = 0.5) -> list[Operation]:
    """Return a history that is linearizable: its operations take effect at the times 1, 2, 3 ...

    ``overlap`` is for how long before and after that each one lasts at most; ``doubt`` is the share of writes whose outcome
    is unknown, ``lost`` the share of these that did nothing.
    """
    chosen = random.Random(seed)
    history: list[Operation] = []
    state: object = None
    before: list[object] = [None]
    for moment in range(1, length + 1):
        verb = chosen.choice(["get", "get", "put", "create", "update", "delete", "swap"])
        expected = chosen.choice(before[-3:]) or -1
        begin, end = moment - chosen.uniform(0, overlap), moment + chosen.uniform(0, overlap)
        tried = Operation(verb, moment, expected if verb == "swap" else None, False, begin, end)
        if verb == "get":
            history.append(tried._replace(value=state))
            continue
        possible, then = after(state, tried)
        if chosen.random() < doubt:
            history.append(tried._replace(end=math.inf))
            if chosen.random() < lost:
                continue
        else:
            history.append(tried._replace(refused=not possible))
        if possible:
            state = then
            before.append(state)
    return history


def linearizable(history: Iterable[Operation]) -> bool:
    """Tell whether a history is, of which that can be found out."""
    verdict = judged(history)
    assert verdict is not Verdict.UNDECIDED
    return verdict is Verdict.LINEARIZABLE


def test_a_history_of_one_client_is_judged_by_each_answer() -> None:
    ticks = iter(range(100))

    def one(verb: str, value: object = None, expected: object = None, *, refused: bool = False) -> Operation:
        return Operation(verb, value, expected, refused, next(ticks), next(ticks))

    assert linearizable([one("create", 1), one("get", 1), one("swap", 2, 1), one("get", 2), one("delete"), one("get")])
    assert linearizable([one("create", 1), one("create", 2, refused=True), one("update", 3), one("get", 3)])
    assert linearizable([one("update", 1, refused=True), one("delete", refused=True), one("swap", 1, 7, refused=True)])
    for wrong in (
        [one("put", 1), one("put", 2), one("get", 1)],  # a stale read
        [one("put", 1), one("get", 2)],  # a value from nowhere
        [one("put", 1), one("get")],  # a write that vanished
        [one("create", 1), one("create", 2)],  # both succeeded
        [one("create", 1, refused=True)],
        [one("put", 1), one("delete"), one("delete")],
        [one("delete")],
        [one("put", 1), one("swap", 2, 1), one("swap", 3, 1)],  # a lost update
        [one("put", 1), one("swap", 2, 1, refused=True)],
        [one("put", 1), one("update", 2, refused=True)],
        [one("put", 1), one("delete"), one("get", 1)],  # a resurrection
    ):
        assert not linearizable(wrong), wrong


def test_what_is_unknown_may_have_happened_at_any_time_or_never() -> None:
    write = Operation("put", 1, begin=0)

    assert linearizable([write, Operation("get", None, begin=1, end=2)])
    assert linearizable([write, Operation("get", 1, begin=1, end=2)])
    assert linearizable([write, Operation("get", None, begin=1, end=2), Operation("get", 1, begin=3, end=4)])
    assert not linearizable([write, Operation("get", 1, begin=1, end=2), Operation("get", None, begin=3, end=4)])
    assert not linearizable([write._replace(begin=3), Operation("get", 1, begin=1, end=2)])


def test_what_overlaps_may_have_happened_in_either_order() -> None:
    first, second = Operation("put", 1, begin=0, end=3), Operation("put", 2, begin=1, end=4)

    for value in (1, 2):
        assert linearizable([first, second, Operation("get", value, begin=5, end=6)])
    assert not linearizable([first, second, Operation("get", 1, begin=5, end=6), Operation("get", 2, begin=7, end=8)])


@settings(max_examples=100, deadline=None, database=None, derandomize=True)
@given(st.integers(0, 10**9), st.integers(0, 60), st.floats(0, 3.4), st.sampled_from([0.0, 0.2]))
def test_good_histories_are_accepted(seed: int, length: int, overlap: float, doubt: float) -> None:
    history = made(seed, length, overlap=overlap, doubt=doubt)

    assert linearizable(history)
    assert linearizable(reversed(history))


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(st.integers(0, 10**9), st.integers(10, 60), st.integers(0, 10**9))
def test_one_wrong_answer_is_found(seed: int, length: int, which: int) -> None:
    # Without overlap only one order is possible, and only one answer of each operation.
    history = made(seed, length, overlap=0.4)
    place = which % length
    operation = history[place]
    if operation.verb == "put":
        mutated = [*history[:place], *history[place + 1 :]]
        read = any(operation.value in (other.value, other.expected) for other in mutated if not other.refused)
        assert not read or not linearizable(mutated)
        return
    if operation.verb == "get":
        wrong = operation._replace(value=None if operation.value is not None else -7)
    else:
        wrong = operation._replace(refused=not operation.refused)
    assert not linearizable([*history[:place], wrong, *history[place + 1 :]])


@settings(max_examples=50, deadline=None, database=None, derandomize=True)
@given(st.integers(0, 10**9), st.floats(0, 3.4))
def test_a_value_that_nobody_wrote_is_found_in_any_overlap(seed: int, overlap: float) -> None:
    history = made(seed, 40, overlap=overlap, doubt=0.2)
    history.append(Operation("get", -7, begin=20, end=21))

    assert not linearizable(history)


def doubtful(puts: int) -> list[Operation]:
    """Return a history that no order explains, and many puts of which nobody knows whether they were done."""
    return [*(Operation("put", number, begin=0) for number in range(puts)), Operation("get", -7, begin=1, end=2)]


def test_what_takes_too_long_is_called_neither_good_nor_bad() -> None:
    assert judged(doubtful(3), steps=1000) is Verdict.IMPOSSIBLE
    assert judged(doubtful(30), steps=1000) is Verdict.UNDECIDED


def test_more_clients_than_can_be_judged_are_refused() -> None:
    def crowd(clients: int) -> list[Operation]:
        return [Operation("put", number, begin=0, end=1) for number in range(clients)]

    assert linearizable(crowd(CLIENTS))
    assert linearizable([*crowd(CLIENTS), *(Operation("put", number, begin=2, end=3) for number in range(20, 20 + CLIENTS))])
    with pytest.raises(ValueError, match=r"9 clients worked on one key at the same time.*at most 8"):
        judged(crowd(CLIENTS + 1))
