"""What may be stored, and what may not."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as start
from hypothesis import strategies as st

from contract_tests.cases.base import Cases
from contract_tests.harness import Store
from contract_tests.marks import clause
from dfbackends import InvalidValue

SURVIVING: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    0.1,
    -0.0,
    5e-324,
    1.7976931348623157e308,
    1e16,
    "",
    "null",
    "123",
    "true",
    '"',
    "\\",
    "\x00\x1f\x7f",
    "é\u2028\ufeff",
    "👩‍👩‍👧",
    [],
    {},
    [[]],
    {"": ""},
    {"z": 1, "a": 2, "m": {"z": 1, "a": 2}},
    ["null", None, 0, False, "", [], {}],
]


def nested(depth: int) -> Any:
    """Return lists and objects, one within the other."""
    value: Any = 0
    for level in range(depth):
        value = [value] if level % 2 else {"k": value}
    return value


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


def same(left: Any, right: Any) -> bool:
    """Tell whether two values are equal down to their types, the sign of zero, and the order of keys."""
    return repr(left) == repr(right)


class ValueCases(Cases):
    """What becomes of values."""

    @clause("KV-11")
    @pytest.mark.parametrize("value", [*SURVIVING, nested(64)], ids=lambda value: repr(value)[:20])
    def test_json_survives(self, store: Store, value: Any) -> None:
        """Every JSON value survives, up to depth 64 and integers of 64 bits, with the order of keys."""
        store.db.put("t", "k", value)

        assert same(store.db.get("t", "k"), value)
        assert same([entry.value for entry in store.db.entries("t")], [value])

    @clause("KV-11")
    def test_any_json_survives(self, store: Store, seed: int) -> None:
        """Every JSON value survives: those that hypothesis thinks of."""

        @start(seed)
        @settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(json_values)
        def survives(value: Any) -> None:
            store.db.put("t", "k", value)
            assert same(store.db.get("t", "k"), value)

        survives()

    @clause("KV-11")
    @pytest.mark.parametrize(
        "value",
        [
            math.nan,
            math.inf,
            -math.inf,
            2**63,
            -(2**63) - 1,
            {1},
            b"x",
            (1,),
            object,
            1j,
            "a\ud800",
            {"a\udfff": 1},
            {1: 1},
            {None: 1},
            nested(65),
        ],
        ids=lambda value: repr(value)[:20],
    )
    def test_what_is_not_json(self, store: Store, value: Any) -> None:
        """NaN, infinities, larger integers, sets, bytes, tuples, lone surrogates raise InvalidValue, and nothing is written."""
        store.db.put("t", "there", 1)
        for wrong in (value, [value], {"k": [{"k": value}]}):
            for call in (
                lambda w=wrong: store.db.create("t", "k", w),
                lambda w=wrong: store.db.put("t", "there", w),
                lambda w=wrong: store.db.update("t", "there", w),
            ):
                with pytest.raises(InvalidValue):
                    call()  # type: ignore[no-untyped-call]

        assert {entry.key: entry.value for entry in store.db.entries("t")} == {"there": 1}

    @clause("KV-12")
    def test_the_limit_of_a_value(self, store: Store) -> None:
        """A value of the declared limit is stored, one byte more raises InvalidValue and nothing is written."""
        limit = store.db.limits.value
        largest = "x" * (limit - 2)
        wide = "é" * ((limit - 2) // 2)

        store.db.create("t", "k", largest)
        store.db.create("t", "wide", wide)
        with pytest.raises(InvalidValue):
            store.db.create("t", "larger", largest + "x")
        with pytest.raises(InvalidValue):
            store.db.put("t", "k", wide + "éé")

        assert store.db.get("t", "k") == largest
        assert store.db.get("t", "wide") == wide
        assert sorted(store.db.keys("t")) == ["k", "wide"]
