from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfbackends.backlog import Backlog, Policy, merged
from dfbackends.loss import Loss, Reason

GAP = Loss(Reason.GAP, "t", 1)
DOWN = Loss(Reason.DOWN, "t", code="unreachable")
RESUMED = Loss(Reason.RESUMED, "t")
RECOVERED = Loss(Reason.RECOVERED, "t")


def overflow(missed: int) -> Loss:
    return Loss(Reason.OVERFLOW, "t", missed)


def made(policy: Policy = "drop_oldest", messages: int = 3, size: int = 1000) -> Backlog:
    return Backlog("t", policy=policy, max_messages=messages, max_bytes=size)


def emptied(backlog: Backlog) -> list[bytes | Loss]:
    found: list[bytes | Loss] = []
    while backlog:
        some, _ = backlog.take()
        found += some
    return found


def test_messages_and_notices_come_out_in_order() -> None:
    backlog = made()
    for item in (b"1", GAP, b"2", DOWN, RESUMED, b"3"):
        backlog.put(item)

    assert emptied(backlog) == [b"1", GAP, b"2", DOWN, RESUMED, b"3"]


def test_a_full_one_gives_up_the_oldest_and_tells_so_where_they_were() -> None:
    backlog = made("drop_oldest")
    for number in range(1, 7):
        backlog.put(b"%d" % number)

    assert emptied(backlog) == [overflow(3), b"4", b"5", b"6"]
    assert backlog.dropped == 3


def test_a_full_one_gives_up_the_newest_and_tells_so_where_they_were() -> None:
    backlog = made("drop_newest")
    for number in range(1, 7):
        backlog.put(b"%d" % number)
    some, _ = backlog.take()
    backlog.put(b"7")

    assert some + emptied(backlog) == [b"1", b"2", b"3", overflow(3), b"7"]


@pytest.mark.parametrize(
    ("policy", "left"),
    [("drop_oldest", [overflow(1), b"2" * 400, b"3" * 400]), ("drop_newest", [b"1" * 400, b"2" * 400, overflow(1)])],
)
def test_it_is_full_by_bytes_too(policy: Policy, left: list[bytes | Loss]) -> None:
    backlog = made(policy)
    for number in b"123":
        backlog.put(bytes([number]) * 400)

    assert emptied(backlog) == left


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
def test_a_message_over_all_bounds_is_dropped_and_told(policy: Policy) -> None:
    backlog = made(policy)

    backlog.put(b"x" * 1001)

    assert emptied(backlog) == [overflow(1)]


def test_notices_are_never_given_up() -> None:
    backlog = made("drop_oldest", messages=1)
    for item in (DOWN, b"1", GAP, b"2", RESUMED, b"3"):
        backlog.put(item)

    assert emptied(backlog) == [DOWN, overflow(2), GAP, RESUMED, b"3"]


def test_notices_that_no_message_parts_are_few_however_often_the_line_breaks() -> None:
    backlog = made()
    for _ in range(100):
        for item in (DOWN, RESUMED, GAP, DOWN, RECOVERED):
            backlog.put(item)

    found = emptied(backlog)

    assert found == [GAP._replace(missed=100), DOWN, RECOVERED]


def test_a_recovery_that_was_not_told_yet_outlives_a_line_that_then_goes_on() -> None:
    assert merged([DOWN, RECOVERED, DOWN, RESUMED]) == [RECOVERED, DOWN, RESUMED]


def test_how_many_are_missing_is_not_known_when_it_is_not_known_of_a_part() -> None:
    assert merged([GAP, GAP._replace(missed=None), GAP]) == [GAP._replace(missed=None)]


def test_what_was_taken_and_returned_is_first_again() -> None:
    backlog = made(messages=100)
    for item in (b"1", b"2", DOWN, RESUMED, b"3"):
        backlog.put(item)
    some, _ = backlog.take()

    backlog.put_back(some)

    assert emptied(backlog) == [b"1", b"2", DOWN, RESUMED, b"3"]


def test_little_is_taken_at_once_so_that_the_bounds_hold_for_what_waits_behind_a_call() -> None:
    small, large = made(messages=10), made(messages=1000, size=1 << 20)
    for number in range(1000):
        small.put(b"%d" % number)
        large.put(b"%d" % number)

    small.take(), small.take()

    assert len(small.take()[0]) == 1
    assert len(large.take()[0]) == 62


@pytest.mark.parametrize("bad", [{"policy": "drop"}, {"max_messages": 0}, {"max_bytes": 0}])
def test_bounds_that_make_no_sense_are_refused(bad: dict[str, object]) -> None:
    arguments = {"policy": "drop_oldest", "max_messages": 1, "max_bytes": 1, **bad}

    with pytest.raises(ValueError, match=r"policy is|at least"):
        Backlog("t", **arguments)  # type: ignore[arg-type]


STEPS = st.lists(
    st.one_of(
        st.just("message"),
        st.just("message"),
        st.sampled_from([GAP, DOWN, RESUMED, RECOVERED]),
        st.just("take"),
        st.just("take and return"),
        st.just("shed"),
    ),
    max_size=80,
)


@given(steps=STEPS, policy=st.sampled_from(["drop_oldest", "drop_newest"]), bound=st.integers(1, 40))
def test_missing_messages_are_counted_exactly_where_they_are_missing(
    steps: list[str | Loss], policy: Policy, bound: int
) -> None:
    backlog = made(policy, bound, size=bound * 4)
    out: list[bytes | Loss] = []
    number = load = most_notices = 0
    for step in steps:
        if isinstance(step, Loss):
            load += backlog.put(step)
        elif step == "message":
            load += backlog.put(b"%d" % number)
            number += 1
        elif step == "shed" and backlog.messages:
            load -= backlog.shed_half()
        elif step in ("take", "take and return"):
            some, taken = backlog.take()
            load -= taken
            if step == "take":
                out += some
            else:
                load += backlog.put_back(some)
        assert load == backlog.load
        assert backlog.messages <= bound
        assert backlog.bytes <= bound * 4
    out += emptied(backlog)

    expected = run = 0
    for item in out:
        if isinstance(item, Loss):
            expected += item.missed or 0 if item.reason is Reason.OVERFLOW else 0
            run += 1
            most_notices = max(run, most_notices)
        else:
            assert int(item) == expected
            expected += 1
            run = 0
    assert expected == number
    assert out.count(RECOVERED) > 0 or RECOVERED not in steps
    assert most_notices <= 5 * (1 + steps.count("take"))
