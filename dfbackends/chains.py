"""How far a stream has come, beside how far the store says that it is.

Chains go on by themselves: heads that were read one after the other may never have been there at one time, so that each is
compared with its own.
"""

from __future__ import annotations

from dfbackends.api import Change, Head


class Chains:
    """The heads of a stream by chain. One that has none is not among them."""

    def __init__(self, head: Head = "") -> None:
        self._heads = by_chain(head)
        self._seen: set[tuple[str, str]] | None = None
        self._awaited: dict[str, str] = {}

    @property
    def heads(self) -> dict[str, str]:
        """Those of the last changes."""
        return self._heads

    @property
    def overdue(self) -> bool:
        """Whether they have not come to what the store told at the last comparison."""
        return bool(self._awaited)

    def advance(self, change: Change) -> bool:
        """Go on to the head of a change; return False where others are missing before it."""
        _, _, _, _, prev, head, chain = change
        if prev != self._heads.get(chain, ""):
            return False
        if head:
            self._heads[chain] = head
        else:
            self._heads.pop(chain, None)
        if self._seen is not None:
            self._seen.update(((chain, prev), (chain, head)))
        if self._awaited.get(chain) == head:
            del self._awaited[chain]
        return True

    def watch(self) -> None:
        """Remember the heads that there are from now on, while the store is asked for its own."""
        self._seen = set(self._heads.items())

    def compare(self, head: Head) -> None:
        """Await, of what the store has told, what was not seen."""
        theirs = dict.fromkeys(self._heads, "") | by_chain(head)
        self._awaited = dict(theirs.items() - (self._seen or set()))

    def forget(self) -> None:
        """Remember nothing more."""
        self._seen = None


def by_chain(head: Head) -> dict[str, str]:
    """Return the tokens of the chains that have one."""
    return {chain: token for chain, token in ({"": head} if isinstance(head, str) else head).items() if token}
