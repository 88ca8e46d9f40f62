from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfbackends import envelope

PUBLISHER = b"0123456789abcdef" * 2
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda values: st.lists(values) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), values),
)


@given(sequence=st.integers(1, 10**17), age=st.none() | st.floats(0, 1e9), data=DATA)
def test_what_was_put_into_a_message_comes_out_of_it(sequence: int, age: float | None, data: object) -> None:
    encoded = json.dumps(data, ensure_ascii=False).encode()

    found = envelope.opened(envelope.message(PUBLISHER, sequence, age, encoded))

    assert found is not None
    assert (found.publisher, found.sequence, found.data) == (PUBLISHER, sequence, encoded)
    assert (found.age is None) == (age is None)
    assert found.age is None or found.age == pytest.approx(age, abs=1e-6)


@given(age=st.floats(0, 1e9))
def test_an_age_never_tells_too_much(age: float) -> None:
    found = envelope.opened(envelope.heartbeat(PUBLISHER, 7, age))

    assert found is not None
    assert found.age is not None
    assert found.age <= age * (1 + 1e-12)


def test_a_clock_that_seems_to_go_backwards_makes_no_age_below_zero() -> None:
    found = envelope.opened(envelope.heartbeat(PUBLISHER, 7, -1e-9))

    assert found == envelope.Envelope(PUBLISHER, 7, 0.0, None)


def test_a_message_is_json_that_others_can_write() -> None:
    assert json.loads(envelope.message(PUBLISHER, 7, 0.25, b'{"a":1}')) == {
        "v": 1, "p": PUBLISHER.decode(), "s": 7, "a": 250_000, "d": {"a": 1},
    }  # fmt: skip
    assert json.loads(envelope.message(PUBLISHER, 1, None, b"[]"))["a"] is None
    assert json.loads(envelope.heartbeat(PUBLISHER, 7, 1.5)) == {
        "v": 1, "p": PUBLISHER.decode(), "s": 7, "a": 1_500_000, "h": 1,
    }  # fmt: skip
    assert json.loads(envelope.announcement(b"{}")) == {"v": 1, "d": {}}


def test_an_announcement_has_data_and_no_publisher() -> None:
    assert envelope.opened(envelope.announcement(b'{"d":1}')) == envelope.Envelope(None, 0, None, b'{"d":1}')


def test_no_envelope_adds_more_than_it_says() -> None:
    data = b"0"

    longest = envelope.message(PUBLISHER, 10**18 - 1, 9e11, data)

    assert envelope.opened(longest) is not None
    assert len(longest) - len(data) <= envelope.OVERHEAD


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"}",
        b"garbage",
        b"\xff\xfe{}",
        b'{"v":1}',
        b'{"v":2,"d":1}',
        b'{"v":2,"p":"%b","s":1,"a":null,"d":1}' % PUBLISHER,
        b'{"v":1,"p":"%b","s":0,"a":null,"d":1}' % PUBLISHER,
        b'{"v":1,"p":"%b","s":-1,"a":null,"d":1}' % PUBLISHER,
        b'{"v":1,"p":"%b","s":1e9,"a":null,"d":1}' % PUBLISHER,
        b'{"v":1,"p":"%b","s":1%b,"a":null,"d":1}' % (PUBLISHER, b"0" * 5000),
        b'{"v":1,"p":"short","s":1,"a":null,"d":1}',
        b'{"v":1,"p":"%b","s":1,"a":null,"d":}' % PUBLISHER,
        b'{"v":1,"p":"%b","s":1,"a":null,"d":1' % PUBLISHER,
        b'{"v":1,"p":"%b","s":1,"a":null,"h":1}x' % PUBLISHER,
        b'{"v":1,"p":"%b","s":1,"a":null,"h":2}' % PUBLISHER,
        b'{"v":1,"h":1}',
        b' {"v":1,"d":1}',
        b'{"v":1,"d":1}\n',
        b'["v",1]',
    ],
)
def test_what_is_not_ours_is_nothing(garbage: bytes) -> None:
    assert envelope.opened(garbage) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    envelope.opened(data)
    envelope.opened(b'{"v":1,"d":' + data)
