"""What the values of a table look like: a JSON Schema, vetted before it is used.

A schema is a program that runs on values from elsewhere. It may not fetch anything, nor take time out of proportion.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from dfbackends.codec import JSON
from dfbackends.errors import InvalidValue
from dfbackends.expression import backtracks

_SIZE = 64 * 1024
_STEPS = 20_000
_UNIQUE = 1_000

# Keywords under which names stand for schemas, and those under which there is data.
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
_DATA = ("enum", "const", "default", "examples")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")

_LATEST = "https://json-schema.org/draft/2020-12/schema"
_VERSIONS = (
    _LATEST,
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema",
    "http://json-schema.org/draft-06/schema",
    "http://json-schema.org/draft-04/schema",
)

# Keywords on which jsonschema and jsonschema-rs are proven to give the same verdict. Patterns are left out (two dialects of
# regular expressions), and so are multipleOf (two ways of rounding) and format (not checked by default in one).
_COMPILED = frozenset(
    [
        *("$schema", "$id", "$defs", "$ref", "$comment", "title", "description", "default", "examples", "deprecated"),
        *("readOnly", "writeOnly", "definitions", "type", "enum", "const", "properties", "required", "additionalProperties"),
        *("items", "prefixItems", "minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "allOf", "anyOf", "oneOf", "not"),
    ]
)


class Schema:
    """A JSON Schema that has passed the checks of :func:`vet`."""

    def __init__(self, definition: dict[str, Any]) -> None:
        vet(definition)
        self.definition = definition

    def check(self, value: JSON) -> None:
        """Return when the value is valid.

        :raises InvalidValue: it is not; the text has the rule, and the path, in which ``*`` stands for a name that the schema
            does not give: nothing of the value is in it
        """
        if self._compiled is not None and self._compiled(value):
            return
        try:
            error = next(self._norm.iter_errors(value), None)
        except RecursionError:
            raise InvalidValue("the value nests too deep for the schema of its table") from None
        if error is not None:
            path = "".join(f"[{part}]" if isinstance(part, int) else f".{self._shown(part)}" for part in error.absolute_path)
            raise InvalidValue(f"the value breaks the schema of its table at ${path}: rule {error.validator!r}")

    @property
    def compiled(self) -> bool:
        """Whether a compiled validator decides the common case: the extra ``fast`` is installed, and knows the keywords."""
        return self._compiled is not None

    def _shown(self, name: str) -> str:
        return name if name in self._names else "*"

    @cached_property
    def _names(self) -> frozenset[str]:
        given = [node["properties"] for node in _nodes(self.definition) if isinstance(node.get("properties"), dict)]
        return frozenset(name for properties in given for name in properties)

    @cached_property
    def _norm(self) -> Any:
        from jsonschema.validators import validator_for
        from referencing import Registry

        # The default registry fetches what a reference names, from the network and from files.
        return validator_for(self.definition)(self.definition, registry=Registry())

    @cached_property
    def _compiled(self) -> Callable[[JSON], bool] | None:
        try:
            import jsonschema_rs
        except ImportError:
            return None
        if any(keyword not in _COMPILED for keyword in _keywords(self.definition)):
            return None
        valid: Callable[[JSON], bool] = jsonschema_rs.validator_for(self.definition).is_valid
        return valid


def vet(definition: dict[str, Any]) -> None:
    """Return when the schema may be used.

    :raises InvalidValue: it is no JSON Schema, refers to something outside of itself, is over 64 KiB, or may take time out
        of proportion: a pattern with nested repetition, ``uniqueItems`` without ``maxItems`` up to 1,000, references that
        multiply to over 20,000 steps, one that leads to what is no schema, an ``$id`` within the schema
    """
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for

    from dfbackends.codec import encode

    if not isinstance(definition, dict):
        raise InvalidValue("a JSON Schema is an object")
    encode(definition, _SIZE)
    version = definition.get("$schema", _LATEST)
    if not isinstance(version, str) or version.rstrip("#") not in _VERSIONS:
        raise InvalidValue(f"$schema is none of {', '.join(_VERSIONS)}")
    try:
        validator_for(definition).check_schema(definition)
    except SchemaError as error:
        raise InvalidValue(f"no JSON Schema: {error.json_path}: rule {error.validator!r} of the meta-schema") from None
    for node in _nodes(definition):
        _vet_node(node)
        if node is not definition and (isinstance(node.get("$id"), str) or isinstance(node.get("id"), str)):
            raise InvalidValue("$id is for the whole schema only: within it, references would lead elsewhere")
    try:
        _count(definition, definition, {}, ())
    except RecursionError:
        raise InvalidValue("the references of the schema nest too deep") from None


def _vet_node(node: dict[str, Any]) -> None:
    for keyword in _REFERENCES:
        target = node.get(keyword)
        if isinstance(target, str) and not target.startswith("#"):
            raise InvalidValue(f"{keyword} refers to something outside of the schema; put it under $defs")
    patterns = [node["pattern"]] if isinstance(node.get("pattern"), str) else []
    if isinstance(node.get("patternProperties"), dict):
        patterns += list(node["patternProperties"])
    for pattern in patterns:
        try:
            slow = backtracks(pattern)
        except re.error as error:
            raise InvalidValue(f"pattern is no regular expression: {error.msg}") from None
        if slow:
            raise InvalidValue("pattern has a repetition or a choice within a repetition, which may take exponential time")
    if node.get("uniqueItems") is True and not node.get("maxItems", _UNIQUE + 1) <= _UNIQUE:
        raise InvalidValue(f"uniqueItems takes quadratic time: set maxItems to {_UNIQUE} or less beside it")


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield all objects that may be schemas; data under enum, const and the like are none."""
    if isinstance(schema, dict):
        yield schema
        for keyword, part in schema.items():
            if keyword in _NAMED and isinstance(part, dict):
                for inner in part.values():
                    yield from _nodes(inner)
            elif keyword not in _DATA:
                yield from _nodes(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _nodes(part)


def _keywords(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for keyword, part in schema.items():
            yield keyword
            if keyword in ("properties", "$defs", "definitions") and isinstance(part, dict):
                for inner in part.values():
                    yield from _keywords(inner)
            elif keyword not in _DATA:
                yield from _keywords(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _keywords(part)


def _count(node: Any, root: Any, known: dict[int, int], below: tuple[int, ...]) -> int:
    """Return how many steps a schema stands for once its references are followed; a recursive one counts once."""
    if id(node) in known:
        return known[id(node)]
    if id(node) in below or not isinstance(node, dict | list):
        return 0
    steps = 1
    below = (*below, id(node))
    for part in node.values() if isinstance(node, dict) else node:
        steps += _count(part, root, known, below)
    references = [node.get(keyword) for keyword in _REFERENCES] if isinstance(node, dict) else []
    for reference in references:
        if isinstance(reference, str):
            steps += _count(_resolve(reference, root), root, known, below)
    if steps > _STEPS:
        raise InvalidValue(f"the references of the schema multiply to over {_STEPS} steps")
    known[id(node)] = steps
    return steps


def _resolve(reference: str, root: Any) -> Any:
    if reference == "#":
        return root
    if not reference.startswith("#/"):
        for node in _nodes(root):
            if node.get("$anchor") == reference[1:] or node.get("$dynamicAnchor") == reference[1:]:
                return node
        raise InvalidValue(f"$ref {reference!r} leads nowhere")
    node = root
    for part in reference[2:].split("/"):
        name = unquote(part).replace("~1", "/").replace("~0", "~")
        try:
            node = node[int(name)] if isinstance(node, list) else node[name]
        except (KeyError, IndexError, ValueError, TypeError):
            raise InvalidValue(f"$ref {reference!r} leads nowhere") from None
    if not (isinstance(node, bool) or any(found is node for found in _nodes(root))):
        raise InvalidValue(f"$ref {reference!r} leads to something that is no schema")
    return node
