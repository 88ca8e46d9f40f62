"""What it means, in words, that a backend can not do something."""

from __future__ import annotations

from collections.abc import Collection

from dfbackends.api import Transactional, Watching

_MEANING = {
    Transactional.__name__: "no transactions; what became of a write that got no answer stays unknown, and an announcement is "
    "a step of its own",
    Watching.__name__: "no changes are told; mirrors poll",
}


def lacking(capabilities: Collection[str]) -> dict[str, str]:
    """Return the capabilities that a store does not have, and what that means."""
    return {name: meaning for name, meaning in _MEANING.items() if name not in capabilities}
