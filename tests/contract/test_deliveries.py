"""The checkers of deliveries, checked: each finds what breaks its promise, and nothing else."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract_tests.checks.deliveries import Heard, Missing, Told, disordered, repeated, told, unreported
from dfbackends import Loss, Reason

DOWN, RESUMED, RECOVERED, GAP, OVERFLOW = (Loss(reason, "t") for reason in Reason)


def message(number: int, publisher: str = "p", topic: str = "t") -> Heard:
    return Heard(topic, publisher, number)


ONE, TWO, THREE, FOUR = (message(number) for number in range(1, 5))
SENT = [ONE, TWO, THREE, FOUR]


def made(seed: int, length: int, *, losses: float) -> tuple[list[Told], list[Heard]]:
    """Return what a subscriber of two topics may be told, and what two publishers have sent."""
    chosen = random.Random(seed)
    events: list[Told] = []
    sent: list[Heard] = []
    numbers = dict.fromkeys([(topic, publisher) for topic in "tu" for publisher in "pq"], 0)
    for _ in range(length):
        topic, publisher = chosen.choice(list(numbers))
        if chosen.random() < losses:
            reason = chosen.choice([Reason.GAP, Reason.OVERFLOW, Reason.RECOVERED])
            events += [Loss(Reason.DOWN, topic)] if reason is Reason.RECOVERED else []
            # Of any publisher on the topic some may be lost.
            for other in "pq":
                for _ in range(chosen.randint(0, 3)):
                    numbers[topic, other] += 1
                    sent.append(Heard(topic, other, numbers[topic, other]))
            events.append(Loss(reason, topic))
        numbers[topic, publisher] += 1
        sent.append(Heard(topic, publisher, numbers[topic, publisher]))
        events.append(sent[-1])
    return events, sent


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(st.integers(0, 10**9), st.integers(0, 60), st.sampled_from([0.0, 0.2]))
def test_what_keeps_the_promises_is_accepted(seed: int, length: int, losses: float) -> None:
    events, sent = made(seed, length, losses=losses)

    assert disordered(events) == []
    assert repeated(events) == []
    assert unreported(events, sent) == []


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(st.integers(0, 10**9), st.integers(5, 60), st.data())
def test_one_break_of_a_promise_is_found_by_its_checker_alone(seed: int, length: int, data: st.DataObject) -> None:
    events, sent = made(seed, length, losses=0.0)
    heard = [event for event in events if isinstance(event, Heard)]
    place = data.draw(st.integers(0, len(heard) - 1))
    victim = heard[place]
    behind = [at for at in range(place + 1, len(heard)) if heard[at][:2] == victim[:2]]

    again = [*heard[: place + 1], victim, *heard[place + 1 :]]
    assert (disordered(again), repeated(again), unreported(again, sent)) == ([], [victim], [])
    if behind:
        without = [*heard[:place], *heard[place + 1 :]]
        swapped = list(heard)
        swapped[place], swapped[behind[0]] = heard[behind[0]], victim
        assert (disordered(swapped), repeated(swapped), unreported(swapped, sent)) == ([(heard[behind[0]], victim)], [], [])
        assert (disordered(without), repeated(without)) == ([], [])
        assert [missing.message for missing in unreported(without, sent)] == [victim]


def test_a_message_that_comes_again_later_is_no_disorder() -> None:
    events: list[Told] = [ONE, TWO, ONE, TWO, TWO, THREE]

    assert disordered(events) == []
    assert repeated(events) == [ONE, TWO, TWO]


def test_disorder_is_shown_with_what_came_too_early() -> None:
    assert disordered([ONE, FOUR, TWO, THREE]) == [(FOUR, TWO), (FOUR, THREE)]
    assert disordered([TWO, message(1, "q"), message(1, topic="u")]) == []


def test_a_loss_in_silence_is_shown_with_its_neighbours() -> None:
    assert unreported([ONE, FOUR], SENT) == [Missing(TWO, ONE, FOUR), Missing(THREE, ONE, FOUR)]
    assert unreported([TWO, THREE, FOUR], SENT) == [Missing(ONE, None, TWO)]
    assert unreported([ONE, TWO], SENT) == []
    assert unreported([ONE, FOUR], [ONE, FOUR]) == []


@pytest.mark.parametrize("losses", [[GAP], [OVERFLOW], [DOWN, RECOVERED], [DOWN], [GAP, DOWN, RESUMED], [DOWN, RESUMED, GAP]])
def test_a_loss_that_is_told_is_none_in_silence(losses: list[Loss]) -> None:
    assert unreported([ONE, *losses, THREE], SENT) == []
    assert unreported([*losses, THREE], SENT) == []


@pytest.mark.parametrize(
    "events",
    [
        [GAP, ONE, THREE],  # before both
        [ONE, THREE, GAP],  # behind both
        [ONE, DOWN, RESUMED, THREE],  # nothing was lost, it said
        [DOWN, ONE, RESUMED, THREE],
        [ONE, Loss(Reason.GAP, "u"), THREE],  # of another topic
    ],
)
def test_a_loss_that_is_told_elsewhere_is_one_in_silence(events: list[Told]) -> None:
    assert [missing.message for missing in unreported(events, SENT)] == [TWO]


def test_what_an_inbox_has_kept() -> None:
    events = [("message", ("t", ["p", 1])), ("loss", GAP), ("message", ("t", ["p", 4]))]

    assert told(events, tuple) == [ONE, GAP, FOUR]
