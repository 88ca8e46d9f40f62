"""Legal names, and how a namespace keeps them apart.

Every text but the empty one and one with a lone surrogate is legal, up to a length in bytes of UTF-8.
"""

from __future__ import annotations

import re

from dfbackends.errors import ConfigurationError, InvalidName

_NAMESPACE = re.compile(r"[A-Za-z0-9_.-]{0,32}\Z")


def check(what: str, name: str, limit: int) -> str:
    """Return the name.

    :raises InvalidName: it is no text, empty, over ``limit`` bytes, or holds a lone surrogate
    """
    if not isinstance(name, str):
        raise InvalidName(f"a {what} is text, not {type(name).__name__}")
    if not name:
        raise InvalidName(f"a {what} is not empty")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise InvalidName(f"a {what} holds a lone surrogate, which UTF-8 can not express") from None
    if size > limit:
        raise InvalidName(f"a {what} has at most {limit} bytes in UTF-8; this one has {size}")
    return name


class Namespace:
    """Prefixes for what a driver stores, so that several applications share one store without meeting.

    A namespace holds neither ``/`` nor ``!``, so that no two pairs of namespace and name become the same text, and no
    table of an application is one of ours.
    """

    def __init__(self, name: str) -> None:
        if not _NAMESPACE.match(name):
            raise ConfigurationError(
                f"namespace {name!r}: use at most 32 of the letters A-Z, a-z, the digits, and the characters . _ -"
            )
        self.name = name
        self._prefix = f"{name}/"

    @property
    def overhead(self) -> int:
        """Bytes that ``public`` adds to a name."""
        return len(self._prefix)

    def public(self, name: str) -> str:
        """Return the driver's name for a table or topic of the application."""
        return self._prefix + name

    def internal(self, name: str) -> str:
        """Return the driver's name for a table of the core's own."""
        return f"{self.name}!{name}"

    def original(self, name: str) -> str:
        """Return the application's name for what ``public`` returned."""
        return name[len(self._prefix) :]
