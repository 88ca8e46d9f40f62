"""JSON as it is stored and sent: compact, in UTF-8, the order of keys kept, equal to the value after decoding."""

from __future__ import annotations

import json
import math
from types import MappingProxyType
from typing import Any, NoReturn, TypeAlias

from dfbackends.errors import InvalidValue, TooLarge

JSON: TypeAlias = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]
"""A JSON value: None, bool, int, float, str, and lists and dicts of them."""

DEPTH = 64
"""How deep lists and objects may nest."""

_LEAST, _MOST = -(2**63), 2**63 - 1
_PLAIN = frozenset({str, bool, type(None)})


def encode(value: JSON, limit: int) -> bytes:
    """Return the value in at most ``limit`` bytes.

    :raises InvalidValue: the value is not JSON (a set, a tuple, NaN, a key that is no text), nests deeper than 64, holds an
        integer outside of 64 bits or a lone surrogate
    :raises TooLarge: it has more bytes
    """
    if value.__class__ not in _PLAIN:
        _check(value, 0)
    try:
        data = _encode(value).encode()
    except UnicodeEncodeError:
        raise InvalidValue("the value holds a lone surrogate, which UTF-8 can not express") from None
    except (TypeError, ValueError):
        raise InvalidValue(f"{type(value).__name__} is not JSON") from None
    if len(data) > limit:
        raise TooLarge(f"the value has {len(data)} bytes as JSON; at most {limit} are allowed")
    return data


def decode(data: bytes) -> Any:
    """Return the value of what ``encode`` returned.

    :raises InvalidValue: it is not JSON
    """
    try:
        text = data.decode()
        value, end = _decode(text)
    except (ValueError, RecursionError):
        raise InvalidValue("not JSON in UTF-8") from None
    if end != len(text):
        raise InvalidValue("not JSON as this library writes it")
    return value


def frozen(data: bytes) -> Any:
    """Return the value as one that can not be changed: objects are read-only mappings, lists are tuples.

    :raises InvalidValue: it is not JSON
    """
    return _frozen(decode(data))


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return MappingProxyType({key: _frozen(item) for key, item in value.items()})
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return value


def parse(text: str | bytes) -> Any:
    """Return the value of a text from outside.

    :raises InvalidValue: it is not strict JSON in UTF-8: duplicate keys, NaN, integers outside of 64 bits, nesting over 64
    """
    try:
        value = _parse(text.decode() if isinstance(text, bytes) else text)
    except UnicodeDecodeError:
        raise InvalidValue("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise InvalidValue(f"not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise InvalidValue(f"not JSON within a nesting of {DEPTH}") from None
    except ValueError as error:
        raise InvalidValue(f"not JSON: {error}") from None
    _check(value, 0)
    return value


def _check(value: Any, depth: int) -> None:
    """Look through a value that may hold others. What ends the recursion of one that holds itself is its depth."""
    if isinstance(value, dict | list):
        if depth >= DEPTH:
            raise InvalidValue(f"the value nests deeper than {DEPTH}")
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, str):
                    raise InvalidValue(f"a key of an object is text, not {type(key).__name__}")
            value = value.values()
        for item in value:
            if item.__class__ not in _PLAIN:
                _check(item, depth + 1)
    else:
        _check_scalar(value)


def _check_scalar(value: Any) -> None:
    if isinstance(value, int):
        if not _LEAST <= value <= _MOST:
            raise InvalidValue("an integer is outside of -2^63 to 2^63 - 1")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidValue("NaN and infinities are not JSON")
    elif not isinstance(value, str) and value is not None:
        hint = "; use a list" if isinstance(value, tuple) else ""
        raise InvalidValue(f"{type(value).__name__} is not JSON{hint}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not allowed")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has the same key twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")).encode
# Not ``decode``, whose search for white space takes a third of the time.
_decode = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode
_parse = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_unique).decode
