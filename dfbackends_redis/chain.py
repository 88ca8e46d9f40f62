"""The head of what is told in several chains at once: of each bucket of a table, or of each place that announces on a topic."""

from __future__ import annotations

from hashlib import blake2b

_BITS = 128


class Chain:
    """The heads by label. Their token is the head itself where there is one chain only, and else changes with each of them."""

    __slots__ = ("_heads", "_plain", "_sum")

    def __init__(self, *, plain: bool) -> None:
        self._plain = plain
        self._heads: dict[bytes, bytes] = {}
        self._sum = 0

    def __contains__(self, label: bytes) -> bool:
        return label in self._heads

    def __getitem__(self, label: bytes) -> bytes:
        return self._heads.get(label, b"")

    def __setitem__(self, label: bytes, head: bytes) -> None:
        if not self._plain:
            self._sum = self._sum_with(label, head)
        self._heads[label] = head

    @property
    def token(self) -> str:
        """The head of all."""
        if self._plain:
            return self._heads.get(b"", b"").decode()
        return _text(self._sum)

    def token_with(self, label: bytes, head: bytes) -> str:
        """Return the token that there would be with another head."""
        return head.decode() if self._plain else _text(self._sum_with(label, head))

    def _sum_with(self, label: bytes, head: bytes) -> int:
        return (self._sum - _weight(label, self[label]) + _weight(label, head)) % (1 << _BITS)


def _weight(label: bytes, head: bytes) -> int:
    if not head:
        return 0
    return int.from_bytes(blake2b(b"%b %b" % (label, head), digest_size=_BITS // 8).digest(), "big")


def _text(number: int) -> str:
    return f"{number:032x}" if number else ""
