"""Names as they stand in keys, channels and scripts: text without separators, braces or anything that a pattern reads."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote, unquote


@lru_cache(maxsize=16_384)
def encoded(name: str) -> str:
    """Return the name with everything but letters, digits and ``_.-~/`` as %XX; no two names become the same."""
    return quote(name, safe="/")


@lru_cache(maxsize=16_384)
def decoded(name: bytes) -> str:
    """Return the name that became this."""
    return unquote(name.decode(), errors="strict")


@lru_cache(maxsize=16_384)
def message_channel(topic: str) -> str:
    """Return the channel of a topic."""
    return f"dfb:m:{encoded(topic)}"


def change_channel(table: str, topic: str | None) -> str:
    """Return the channel that tells of the changes of a table, or of one topic in it."""
    channel = f"dfb:c:{encoded(table)}"
    return channel if topic is None else f"{channel}:{encoded(topic)}"


def private_channel(name: str) -> str:
    """Return the channel by which one line hears itself."""
    return f"dfb:p:{name}"
