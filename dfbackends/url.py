"""The URL of a backend: which one, where it is, and its options.

``name+variant://user:password@hosts/path?option=value``, or ``name:path?option=value``. The parts are percent-decoded.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from dfbackends.api import Address
from dfbackends.errors import ConfigurationError

_FORM = re.compile(
    r"(?P<name>[A-Za-z][A-Za-z0-9_.-]*)(?:\+(?P<variant>[A-Za-z0-9]+))?:(?P<rest>[^?]*)(?:\?(?P<query>.*))?", re.S
)
_ALIASES = {"rediss": ("redis", "tls")}


class Url(NamedTuple):
    """A URL in its parts; the name is the one of an entry point."""

    name: str
    address: Address
    options: dict[str, str]

    def __repr__(self) -> str:
        # Which of them are secret only the driver knows.
        return f"<Url {self.name!r} {self.address!r} with {', '.join(self.options) or 'no options'}>"


def parse(text: str) -> Url:
    """Return the parts of a URL.

    :raises ConfigurationError: it is none; the text is not repeated, since it may hold a password
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ConfigurationError("not the URL of a backend: the form is name:path or name://hosts/path, as in sqlite:app.db")
    name, variant = found["name"], found["variant"] or ""
    if name in _ALIASES:
        if variant:
            raise ConfigurationError(f"{name}: stands for {'+'.join(_ALIASES[name])}:, and takes no other variant")
        name, variant = _ALIASES[name]
    try:
        return Url(name, _address(variant, found["rest"]), _options(found["query"] or ""))
    except UnicodeDecodeError:
        raise ConfigurationError("the URL has an escape, like %FF, that is not UTF-8") from None


def _address(variant: str, rest: str) -> Address:
    if not rest.startswith("//"):
        return Address(variant, path=_decoded(rest))
    authority, _, path = rest[2:].partition("/")
    login, at, hosts = authority.rpartition("@")
    user, colon, password = login.partition(":")
    return Address(
        variant,
        user=_decoded(user) if at else None,
        password=_decoded(password) if colon else None,
        hosts=_decoded(hosts),
        path=_decoded(path),
    )


def _decoded(text: str) -> str:
    return unquote(text, errors="strict")


def _options(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict") if query else []
    except UnicodeDecodeError:
        raise
    except ValueError:
        raise ConfigurationError("the part of the URL behind the question mark is not of the form option=value&...") from None
    options = dict(pairs)
    if len(options) != len(pairs):
        raise ConfigurationError("the URL gives an option twice")
    return options
