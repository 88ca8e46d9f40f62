"""JSON survives unchanged, or is refused before anything is sent."""

from __future__ import annotations

import enum
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfbackends import codec
from dfbackends.errors import InvalidValue, TooLarge

text = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | text
documents = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=20)

LIMIT = 1 << 20


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@given(documents)
def test_every_json_value_survives(value: Any) -> None:
    data = codec.encode(value, LIMIT)

    assert codec.decode(data) == value
    assert codec.parse(data) == value


@given(st.dictionaries(text, st.integers(0, 9)))
def test_the_order_of_keys_survives(value: Any) -> None:
    assert list(codec.decode(codec.encode(value, LIMIT))) == list(value)


@pytest.mark.parametrize("number", [0.1, 5e-324, 1.7976931348623157e308, -0.0, 1.0])
def test_a_float_stays_a_float_of_the_same_value_and_sign(number: float) -> None:
    copy = codec.decode(codec.encode(number, LIMIT))

    assert isinstance(copy, float)
    assert (copy, math.copysign(1, copy)) == (number, math.copysign(1, number))


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 2**63, -(2**63) - 1, {1}, (1, 2), b"x", print, {1: 2}, {None: 1}, "\ud800", {"\udfff": 1}, 1j],
    ids=lambda value: ascii(value)[:20],
)
@pytest.mark.parametrize("place", [lambda value: value, lambda value: [value], lambda value: {"k": [value]}])
def test_what_is_not_json_is_refused(value: Any, place: Any) -> None:
    with pytest.raises(InvalidValue):
        codec.encode(place(value), LIMIT)


def test_values_nest_64_deep_and_no_deeper() -> None:
    assert codec.decode(codec.encode(nested(64), LIMIT)) == nested(64)
    for depth in (65, 100_000):
        with pytest.raises(InvalidValue, match="deeper than 64"):
            codec.encode(nested(depth), LIMIT)


def test_a_value_that_contains_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)

    with pytest.raises(InvalidValue):
        codec.encode(value, LIMIT)


def test_a_value_may_have_as_many_bytes_as_the_limit_and_no_more() -> None:
    assert codec.encode("é" * 4, 10) == b'"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"'
    with pytest.raises(TooLarge, match="11 bytes"):
        codec.encode("é" * 4 + "e", 10)


def test_an_enum_of_texts_is_stored_as_its_text() -> None:
    class Colour(str, enum.Enum):
        RED = "red"

    assert codec.decode(codec.encode({"c": Colour.RED}, LIMIT)) == {"c": "red"}


@pytest.mark.parametrize(
    "source",
    [
        '{"a": 1, "a": 2}',
        "NaN",
        "-Infinity",
        "1e400",
        "[" * 65 + "]" * 65,
        "[" * 100_000,
        "9" * 5000,
        "9223372036854775808",
        b"\xff\xfe1\x00",
        b"\xef\xbb\xbf1",
        '"\\ud800"',
        "",
        "{",
        "nul",
    ],
)
def test_a_text_from_outside_is_refused_unless_it_is_strict_json(source: str | bytes) -> None:
    with pytest.raises(InvalidValue):
        codec.encode(codec.parse(source), LIMIT)


def test_the_error_of_a_text_from_outside_tells_where_it_is_and_not_what_it_holds() -> None:
    with pytest.raises(InvalidValue, match="line 2 column 9") as caught:
        codec.parse('{"password":\n"s3cret"')

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"\xff", b"NaN", b"{", b"[" * 100_000])
def test_bytes_of_something_else_are_no_value(data: bytes) -> None:
    with pytest.raises(InvalidValue):
        codec.decode(data)
