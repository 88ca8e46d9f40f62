"""Which regular expressions may take exponential time."""

from __future__ import annotations

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

# A repetition of at most so many times multiplies the work, but bounds it.
_HARMLESS = 8


def backtracks(pattern: str) -> bool:
    """Tell whether a repetition stands within a repetition, each of a length that varies: ``(a+)+``.

    :raises re.error: it is no regular expression
    """
    re.compile(pattern)
    return _nested(_parser.parse(pattern), within=False)


def _nested(parsed: Any, *, within: bool) -> bool:
    for operation, argument in parsed:
        inside = within
        if operation in _REPETITIONS:
            least, most, _ = argument
            varies = least != most and most > _HARMLESS
            if within and varies:
                return True
            inside = within or varies
        if any(_nested(part, within=inside) for part in _parts(argument)):
            return True
    return False


def _parts(argument: Any) -> list[Any]:
    """Return the parsed sequences inside of the argument of an operation."""
    if isinstance(argument, _parser.SubPattern):
        return [argument]
    if isinstance(argument, tuple | list):
        return [part for item in argument for part in _parts(item)]
    return []
