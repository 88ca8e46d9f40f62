"""Names as they stand in keys: UTF-8 in which ``/`` only separates."""

from __future__ import annotations


def escaped(name: str) -> bytes:
    """Return the name with ``%`` and ``/`` as %25 and %2F; no two names become the same, and it stays readable."""
    return name.encode().replace(b"%", b"%25").replace(b"/", b"%2F")


def unescaped(name: bytes) -> str:
    """Return the name that became this."""
    return name.replace(b"%2F", b"/").replace(b"%25", b"%").decode() if b"%" in name else name.decode()
