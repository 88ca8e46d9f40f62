"""The checker of revisions, checked: it accepts what a store can answer, and finds each kind of wrong answer."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from contract_tests.checks.operation import Operation
from contract_tests.checks.versions import contradictions

OLDER = "what began later has an older revision"
TWICE = "two writes have one revision"
ELSEWHERE = "a value was read in another revision than its own"
NOWHERE = "a value was read that was not written"
LOST = "what was replaced was not the last any more"
AGAIN = "what was deleted was seen again"
CREATED = "what was there was created again"


@dataclass
class Register:
    """One key of a store that is right: its operations take effect at the times 1, 2, 3 ..."""

    chosen: random.Random
    overlap: float
    doubt: float
    history: list[Operation] = field(default_factory=list)
    value: int | None = None
    revision: int = 0
    seen: list[int] = field(default_factory=lambda: [-1])

    def do(self, verb: str, moment: int) -> None:
        """Do one operation, which lasts at most ``overlap`` before and after its moment."""
        begin, end = moment - self.chosen.uniform(0, self.overlap), moment + self.chosen.uniform(0, self.overlap)
        if verb == "get":
            revision = self.revision if self.value is not None else None
            self.history.append(Operation(verb, self.value, None, False, begin, end, revision))
            return
        expected = self.chosen.choice(self.seen[-2:]) if verb == "swap" else None
        holds = {
            "put": True,
            "create": self.value is None,
            "update": self.value is not None,
            "delete": self.value is not None,
            "swap": self.value == expected,
        }[verb]
        unknown = self.chosen.random() < self.doubt
        if holds and not (unknown and self.chosen.random() < 0.5):
            # Others write other keys meanwhile.
            self.revision += self.chosen.randint(1, 3)
            self.value = None if verb == "delete" else moment
            self.seen += [moment] if verb != "delete" else []
        answered = self.revision if holds and not unknown and verb != "delete" else None
        refused = not holds and not unknown
        self.history.append(Operation(verb, moment, expected, refused, begin, math.inf if unknown else end, answered))


def made(seed: int, length: int, *, overlap: float, doubt: float = 0.0) -> list[Operation]:
    """Return a history that is right."""
    register = Register(random.Random(seed), overlap, doubt)
    for moment in range(1, length + 1):
        register.do(register.chosen.choice(["get", "get", "put", "create", "update", "delete", "swap", "swap"]), moment)
    return register.history


def kinds(history: list[Operation]) -> set[str]:
    """Return what is wrong with a history."""
    return {contradiction.what for contradiction in contradictions(history)}


def one(verb: str, value: int | None, revision: int | None, at: float, *, expected: int | None = None) -> Operation:
    """Return an operation that took half a unit of time."""
    return Operation(verb, value, expected, False, at, at + 0.5, revision)


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(st.integers(0, 10**9), st.integers(0, 80), st.floats(0, 10), st.sampled_from([0.0, 0.2, 0.6]))
def test_good_histories_are_accepted(seed: int, length: int, overlap: float, doubt: float) -> None:
    history = made(seed, length, overlap=overlap, doubt=doubt)

    assert contradictions(history) == []
    assert contradictions(reversed(history)) == []


@pytest.mark.parametrize(
    ("kind", "history"),
    [
        (OLDER, [one("put", 1, 1, 1), one("put", 2, 2, 2), one("get", 1, 1, 3)]),
        (OLDER, [one("put", 1, 2, 1), one("put", 2, 1, 2)]),
        (OLDER, [one("get", 1, 1, 1), one("put", 1, 1, 2)]),
        (TWICE, [one("put", 1, 1, 1), one("put", 2, 1, 1)]),
        (TWICE, [one("put", 1, 1, 1), Operation("put", 2, begin=1), one("get", 2, 1, 2)]),
        (ELSEWHERE, [one("put", 1, 1, 1), one("get", 1, 2, 2)]),
        (ELSEWHERE, [Operation("put", 1, begin=1), one("get", 1, 1, 2), one("get", 1, 2, 3)]),
        (NOWHERE, [one("put", 1, 1, 1), one("get", 7, 2, 2)]),
        (NOWHERE, [one("put", 1, 1, 1), one("create", 2, None, 2)._replace(refused=True), one("get", 2, 2, 3)]),
        (LOST, [one("put", 1, 1, 1), one("swap", 2, 2, 2, expected=1), one("swap", 3, 3, 3, expected=1)]),
        (LOST, [one("put", 1, 1, 1), Operation("put", 2, begin=1), one("get", 2, 2, 2), one("swap", 3, 3, 3, expected=1)]),
        (AGAIN, [one("put", 1, 1, 1), one("delete", 9, None, 2), one("get", 1, 1, 3)]),
        (CREATED, [one("create", 1, 1, 1), one("create", 2, 2, 2)]),
        (CREATED, [one("put", 1, 1, 1), one("delete", 9, None, 2), one("put", 2, 2, 3), one("create", 3, 3, 4)]),
    ],
)
def test_each_kind_of_wrong_answer_is_named(kind: str, history: list[Operation]) -> None:
    assert kinds(history) == {kind}
    assert all(contradiction.operations for contradiction in contradictions(history))


def test_what_overlaps_may_have_any_order() -> None:
    write = Operation("put", 2, begin=1, end=9, revision=2)
    assert kinds([one("put", 1, 1, 0), write, one("get", 2, 2, 2), one("get", 2, 2, 3)]) == set()
    assert kinds([one("put", 1, 1, 0), write, one("get", 1, 1, 2), one("get", 2, 2, 3)]) == set()
    assert kinds([one("put", 1, 1, 0), write, one("get", 2, 2, 2), one("get", 1, 1, 3)]) == {OLDER}


def test_what_is_unknown_is_known_once_it_was_read() -> None:
    doubt = Operation("put", 2, begin=2)
    assert kinds([one("put", 1, 1, 0), doubt, one("get", 1, 1, 3)]) == set()
    assert kinds([one("put", 1, 1, 0), doubt, one("get", 2, 2, 3), one("get", 1, 1, 4)]) == {OLDER}
    assert kinds([one("put", 1, 1, 0), one("get", 2, 2, 1), doubt]) == {OLDER}


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(st.integers(0, 10**9), st.integers(20, 80), st.data())
def test_one_wrong_answer_is_found(seed: int, length: int, data: st.DataObject) -> None:
    # Without overlap each answer is the only one.
    history = made(seed, length, overlap=0.4)
    writes = [place for place, each in enumerate(history) if each.writes and each.revision is not None]
    reads = [place for place, each in enumerate(history) if each.verb == "get" and each.revision is not None]
    assume(len(writes) > 1 and reads)
    at = data.draw(st.sampled_from(reads))
    earlier = [place for place in writes if place < at and history[place].value != history[at].value]
    wrong = {
        "value": history[at]._replace(value=-7),
        "revision": history[at]._replace(revision=10**6),
    }
    if earlier:
        old = history[data.draw(st.sampled_from(earlier))]
        wrong["stale"] = history[at]._replace(value=old.value, revision=old.revision)
    for kind, read in wrong.items():
        assert kinds([*history[:at], read, *history[at + 1 :]]), kind

    place, other = data.draw(st.lists(st.sampled_from(writes), min_size=2, max_size=2, unique=True))
    doubled = history[place]._replace(revision=history[other].revision)
    assert TWICE in kinds([*history[:place], doubled, *history[place + 1 :]])
    refused = history[place]._replace(refused=True, revision=None)
    seen = any(each.verb == "get" and each.value == refused.value for each in history)
    assert (NOWHERE in kinds([*history[:place], refused, *history[place + 1 :]])) == seen


@settings(max_examples=100, deadline=None, database=None, derandomize=True)
@given(st.integers(0, 10**9), st.floats(0, 10))
def test_a_lost_update_is_found_in_any_overlap(seed: int, overlap: float) -> None:
    history = made(seed, 60, overlap=overlap, doubt=0.1)
    answered = {each.value for each in history if each.writes and each.revision is not None}
    swaps = [each for each in history if each.verb == "swap" and each.value in answered and each.expected in answered]
    assume(swaps)
    last = max(each.revision or 0 for each in history)

    # Somebody else's had the same expectation, and it held, too.
    history.append(Operation("swap", -8, swaps[0].expected, False, 61, 100, last + 1))

    assert LOST in kinds(history)


def test_what_it_says_shows_the_operations() -> None:
    first, second, stale = one("put", 1, 1, 1), one("put", 2, 2, 2), one("get", 1, 1, 3)

    [contradiction] = contradictions([first, second, stale])

    assert contradiction.operations == (second, stale)
