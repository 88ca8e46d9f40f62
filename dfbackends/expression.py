"""Which regular expressions may take exponential time."""

from __future__ import annotations

import math
import re
import sys
from typing import Any

if sys.version_info >= (3, 11):
    from re import _constants as _names  # type: ignore[attr-defined]
    from re import _parser  # type: ignore[attr-defined]
else:
    import sre_constants as _names
    import sre_parse as _parser

_REPETITIONS = (_names.MAX_REPEAT, _names.MIN_REPEAT)

_MOST = 100_000
"""Ways to match one text that are still tried in no time."""

_LONG = 32


def backtracks(pattern: str) -> bool:
    """Tell whether a text may be matched in very many ways, which are all tried when it does not match: ``(a+)+``, ``(a|aa)+``.

    Errs on the side of caution: it is not looked at whether what stands between two repetitions keeps them apart.

    :raises re.error: it is no regular expression
    """
    re.compile(pattern)
    return _ways(_parser.parse(pattern)) > _MOST


def _ways(parsed: Any) -> float:
    """Return in how many ways, about, a text may be matched; a lone repetition without an end counts for two."""
    ways = 1.0
    for operation, argument in parsed:
        if operation in _REPETITIONS:
            least, most, body = argument
            inside = _ways(body)
            if inside > 1 and most > _LONG:
                return math.inf
            ways *= (most - least + 1 if most <= _LONG else 2) * inside**most
        elif operation is _names.BRANCH:
            found = [_ways(alternative) for alternative in argument[1]]
            ways *= max(found) if _differ(argument[1]) else sum(found)
        else:
            ways *= math.prod(_ways(part) for part in _parts(argument))
        if ways > _MOST:
            return math.inf
    return ways


def _differ(alternatives: Any) -> bool:
    """Tell whether the first character decides which alternative matches."""
    firsts: list[Any] = [alternative[0] if len(alternative) else (None, None) for alternative in alternatives]
    letters = {chr(value).casefold() for operation, value in firsts if operation is _names.LITERAL}
    return len(letters) == len(firsts)


def _parts(argument: Any) -> list[Any]:
    """Return the parsed sequences inside of the argument of an operation."""
    if isinstance(argument, _parser.SubPattern):
        return [argument]
    if isinstance(argument, tuple | list):
        return [part for item in argument for part in _parts(item)]
    return []
