"""A schema decides like jsonschema, fetches nothing, and can not stall its reader."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema.validators import validator_for

from dfbackends.errors import InvalidValue
from dfbackends.expression import backtracks
from dfbackends.schema import Schema, vet

PORT = {
    "type": "object",
    "properties": {
        "mac": {"type": "string", "pattern": r"\A([0-9a-f]{2}:){5}[0-9a-f]{2}\Z"},
        "ips": {"type": "array", "items": {"$ref": "#/$defs/ip"}, "uniqueItems": True, "maxItems": 10},
    },
    "required": ["mac"],
    "additionalProperties": False,
    "$defs": {"ip": {"type": "string", "minLength": 2}},
}

names = st.sampled_from("abc")
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, 1.5, -0.0, 1e300]) | st.text("ab1", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
kinds = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
bounds = st.integers(0, 3)


def _combined(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    several = st.lists(inner, min_size=1, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(names, inner, max_size=2),
            "required": st.lists(names, unique=True, max_size=2),
            "additionalProperties": inner | st.booleans(),
            "items": inner | st.booleans(),
            "prefixItems": several,
            "allOf": several,
            "anyOf": several,
            "oneOf": several,
            "not": inner,
        },
    )


schemas = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": kinds | st.lists(kinds, min_size=1, max_size=2, unique=True),
            "enum": st.lists(values, min_size=1, max_size=3),
            "const": values,
            "minimum": bounds,
            "maximum": bounds,
            "exclusiveMinimum": bounds,
            "exclusiveMaximum": bounds,
            "minLength": bounds,
            "maxLength": bounds,
            "minItems": bounds,
            "maxItems": bounds,
            "minProperties": bounds,
            "maxProperties": bounds,
        },
    ),
    _combined,
    max_leaves=4,
)


def accepts(schema: Schema, value: Any) -> bool:
    try:
        schema.check(value)
    except InvalidValue:
        return False
    return True


@settings(max_examples=600, deadline=None)
@given(schemas, st.lists(values, min_size=1, max_size=5))
def test_the_compiled_validator_and_the_norm_give_the_same_verdicts(definition: dict[str, Any], candidates: list[Any]) -> None:
    schema = Schema(definition)
    norm = validator_for(definition)(definition)

    assert schema.compiled, "the keywords of this test are those that are compiled"
    assert [accepts(schema, value) for value in candidates] == [norm.is_valid(value) for value in candidates]


def test_a_schema_with_a_pattern_is_decided_by_the_norm_alone() -> None:
    schema = Schema(PORT)

    assert not schema.compiled
    assert accepts(schema, {"mac": "00:11:22:33:44:55", "ips": ["10.0.0.1"]})


@pytest.mark.parametrize(
    ("value", "path", "rule"),
    [
        ({}, "$:", "required"),
        ({"mac": "s3cret"}, "$.mac:", "pattern"),
        ({"mac": "00:11:22:33:44:55\n"}, "$.mac:", "pattern"),
        ({"mac": "00:11:22:33:44:55", "ips": ["s3cret", "x"]}, "$.ips[1]:", "minLength"),
        ({"mac": "00:11:22:33:44:55", "s3cret": 1}, "$:", "additionalProperties"),
        (["s3cret"], "$:", "type"),
    ],
)
def test_an_error_tells_the_path_and_the_rule_and_never_the_value(value: Any, path: str, rule: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        Schema(PORT).check(value)

    assert path in str(caught.value)
    assert repr(rule) in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "definition",
    [
        {"type": "nonsense"},
        {"properties": 5},
        {"pattern": "("},
        {"pattern": "^(a+)+$"},
        {"patternProperties": {"(x*)*": {}}},
        {"items": {"pattern": "(a|b*)*c"}},
        {"uniqueItems": True},
        {"uniqueItems": True, "maxItems": 100_000},
        {"$ref": "http://127.0.0.1/schema"},
        {"$ref": "file:///etc/passwd"},
        {"allOf": [{"$dynamicRef": "other.json"}]},
        {"$ref": "#/$defs/missing"},
        {"$ref": "#missing"},
        {"properties": {"default": {"pattern": "^(a+)+$"}}},
        {"$ref": "#/const", "const": {"pattern": "^(a+)+$"}},
        {"$ref": "#/properties", "properties": {"pattern": {}}},
        {"$defs": {"a": {"$id": "urn:a", "$defs": {"b": True}, "$ref": "#/$defs/b"}, "b": True}, "$ref": "#/$defs/a"},
        {"$schema": "http://example.com/schema"},
        {"$schema": 5},
        {"title": "x" * 70_000},
        [],
        "string",
        True,
    ],
    ids=lambda definition: str(definition)[:40],
)
def test_what_is_no_schema_or_might_not_end_is_refused(definition: Any) -> None:
    with pytest.raises(InvalidValue):
        vet(definition)


@pytest.mark.parametrize(("reference", "letter"), [("$ref", "d"), ("$dynamicRef", "d"), ("$ref", "%64")])
def test_references_that_multiply_are_refused(reference: str, letter: str) -> None:
    definitions: dict[str, Any] = {"d0": {"type": "integer"}} | {f"%64{level}": True for level in range(13)}
    for level in range(1, 13):
        definitions[f"d{level}"] = {"allOf": [{reference: f"#/$defs/{letter}{level - 1}"}] * 4}

    with pytest.raises(InvalidValue, match="multiply"):
        vet({"$defs": definitions, "$ref": f"#/$defs/{letter}12"})


def test_a_value_too_deep_for_the_norm_is_refused_and_raises_nothing_else() -> None:
    schema = Schema({"$ref": "#", "multipleOf": 1})

    assert not schema.compiled
    assert not accepts(schema, 1)


def test_a_schema_may_refer_to_itself() -> None:
    tree = Schema({"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}})

    assert accepts(tree, {"children": [{"children": []}]})
    assert not accepts(tree, {"children": [{"children": 5}]})


def test_a_reference_to_an_anchor_is_followed() -> None:
    schema = Schema({"$defs": {"x": {"$anchor": "port", "type": "integer"}}, "items": {"$ref": "#port"}})

    assert accepts(schema, [1])
    assert not accepts(schema, ["1"])


@pytest.mark.parametrize("name", ["$ref", "$id", "id", "pattern", "uniqueItems", "enum"])
def test_a_property_may_be_called_like_a_keyword(name: str) -> None:
    schema = Schema({"properties": {name: {"type": "integer"}}})

    assert accepts(schema, {name: 1})
    assert not accepts(schema, {name: "1"})


def test_a_property_may_be_called_like_a_keyword_that_is_compared() -> None:
    vet({"properties": {"uniqueItems": True, "maxItems": {"type": "integer"}}})


def test_a_remote_reference_is_never_fetched() -> None:
    asked = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"

        def answer() -> None:
            try:
                server.accept()
            except TimeoutError:
                return
            asked.set()

        listener = threading.Thread(target=answer)
        listener.start()
        inside = {"$id": address, "items": {"$ref": "#/x"}}
        for definition in ({"$ref": address}, {"$id": address, "$ref": "other.json"}, inside):
            with pytest.raises(InvalidValue):
                Schema(definition).check([1])
        listener.join()

    assert not asked.is_set()


@pytest.mark.parametrize(
    ("pattern", "slow"),
    [
        ("(a+)+", True),
        ("(?:a*b?)*", True),
        ("(x+x+)+y", True),
        ("((ab)*)*", True),
        ("(?=(a+)+)b", True),
        ("([0-9]{1,3}){1,20}", True),
        ("([0-9]{1,3}[.]){3}[0-9]{1,3}", False),
        ("(a|aa)+", True),
        ("(?i)(a|Ab)+", True),
        ("(a{0,8})+", True),
        ("((a{0,8}){0,8}){0,8}", True),
        ("(foo|bar)*", False),
        ("([0-9]{1,30}){1,20}", True),
        ("([0-9a-f]{2}:){5}[0-9a-f]{2}", False),
        ("[a-z]+-[a-z]+", False),
        ("(a|b)*", False),
    ],
)
def test_a_repetition_within_a_repetition_is_found(pattern: str, slow: bool) -> None:
    assert backtracks(pattern) is slow
