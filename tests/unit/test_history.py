from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfbackends.loss import Loss, Reason
from tests.history import EXPLAINS, Fate, Sent, complaints

GAP, OVERFLOW, DOWN, RESUMED, RECOVERED = (
    Loss(reason, "t") for reason in (Reason.GAP, Reason.OVERFLOW, Reason.DOWN, Reason.RESUMED, Reason.RECOVERED)
)
THREE = [Sent("p", 1), Sent("p", 2), Sent("p", 3)]

History = list[tuple[str, int] | Loss]


@pytest.mark.parametrize(
    "history",
    [
        [("p", 1), ("p", 2), ("p", 3)],
        [("p", 1), GAP, ("p", 3)],
        [GAP, ("p", 2), ("p", 3)],
        [("p", 1), ("p", 2), OVERFLOW],
        [DOWN, RECOVERED],
        [("p", 1), DOWN, RECOVERED, ("p", 3)],
        [("p", 1), DOWN, RESUMED, ("p", 2), ("p", 3), GAP],
        [("p", 1), ("q", 9), GAP, ("p", 3)],
    ],
)
def test_good_histories_are_accepted(history: History) -> None:
    assert complaints([*THREE, Sent("q", 9, Fate.UNKNOWN)], history) == []


@pytest.mark.parametrize(
    ("history", "complaint"),
    [
        ([("p", 1), ("p", 3)], "p: 2 is missing"),
        ([("p", 2), ("p", 3)], "p: 1 is missing"),
        ([("p", 1), ("p", 2)], "p: 3 is missing"),
        ([GAP, ("p", 1), ("p", 3)], "p: 2 is missing"),
        ([("p", 1), ("p", 3), GAP], "p: 2 is missing"),
        ([("p", 1), DOWN, RESUMED, ("p", 3)], "p: 2 is missing"),
        ([("p", 1), DOWN, ("p", 3)], "p: 2 is missing"),
        ([("p", 1), ("p", 2), ("p", 2), ("p", 3)], "p: 2 came after 2"),
        ([("p", 2), ("p", 1), ("p", 3)], "p: 1 came after 2"),
        ([("p", 1), ("p", 2), ("p", 3), ("p", 4)], "p did not send 4"),
        ([("p", 1), ("p", 2), ("p", 3), ("r", 1)], "r did not send 1"),
    ],
)
def test_bad_histories_are_refused(history: History, complaint: str) -> None:
    assert complaint in complaints(THREE, history)


def test_a_message_of_unknown_fate_may_come_or_not_and_one_that_was_not_sent_may_not() -> None:
    calls = [Sent("p", 1), Sent("p", 2, Fate.UNKNOWN), Sent("p", 3)]

    assert complaints(calls, [("p", 1), ("p", 3)]) == []
    assert complaints(calls, [("p", 1), ("p", 2), ("p", 3)]) == []
    assert complaints([Sent("p", 1, Fate.NOT_SENT)], [("p", 1)]) == ["p did not send 1"]


def test_one_publisher_does_not_hide_what_another_lost() -> None:
    calls = [*THREE, Sent("q", 1), Sent("q", 2)]

    found = complaints(calls, [("p", 1), ("q", 1), ("p", 2), GAP, ("p", 3)])

    assert found == []
    assert complaints(calls, [("q", 1), GAP, ("p", 1), ("p", 3), ("q", 2)]) == ["p: 2 is missing"]


@given(kept=st.lists(st.booleans(), min_size=1, max_size=20), notice=st.sampled_from(sorted(EXPLAINS, key=str)))
def test_it_takes_a_notice_in_each_place_where_something_is_missing(kept: list[bool], notice: Reason) -> None:
    calls = [Sent("p", number) for number in range(len(kept))]
    told: History = []
    for number, keep in enumerate(kept):
        told.append(("p", number) if keep else Loss(notice, "t"))
    untold = [item for item in told if not isinstance(item, Loss)]

    assert complaints(calls, told) == []
    assert len(complaints(calls, untold)) == kept.count(False)
