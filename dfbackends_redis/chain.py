"""The head of what is told in several chains at once: of each place that announces on a topic."""

from __future__ import annotations

from hashlib import blake2b

_BITS = 128


class Chain:
    """The heads by label. Their token changes with each of them."""

    __slots__ = ("_heads", "_sum")

    def __init__(self) -> None:
        self._heads: dict[bytes, bytes] = {}
        self._sum = 0

    def __contains__(self, label: bytes) -> bool:
        return label in self._heads

    def __setitem__(self, label: bytes, head: bytes) -> None:
        self._sum = self._sum_with(label, head)
        self._heads[label] = head

    @property
    def token(self) -> str:
        """The head of all."""
        return _text(self._sum)

    def token_with(self, label: bytes, head: bytes) -> str:
        """Return the token that there would be with another head."""
        return _text(self._sum_with(label, head))

    def _sum_with(self, label: bytes, head: bytes) -> int:
        old = self._heads.get(label, b"")
        return (self._sum - _weight(label, old) + _weight(label, head)) % (1 << _BITS)


def _weight(label: bytes, head: bytes) -> int:
    if not head:
        return 0
    return int.from_bytes(blake2b(b"%b %b" % (label, head), digest_size=_BITS // 8).digest(), "big")


def _text(number: int) -> str:
    return f"{number:032x}" if number else ""
