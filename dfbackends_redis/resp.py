"""The protocol of Redis: requests are packed, replies are read from what has arrived, by hiredis where it is installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, cast

from redis.connection import DefaultParser
from redis.exceptions import InvalidResponse, ResponseError

Word = str | bytes | int
Command = tuple[Word, ...]

INCOMPLETE: Final = object()
"""What a reader returns while a reply has not arrived as a whole."""


class Reader(Protocol):
    """Takes what arrives, and returns replies; an error is returned, not raised."""

    def feed(self, data: bytes, /) -> None:
        """Take what has arrived."""

    def gets(self) -> Any:
        """Return the next reply, or INCOMPLETE."""


def failure(text: str) -> Exception:
    """Return the exception of redis-py for the text of an error."""
    error = DefaultParser.parse_error(text)  # type: ignore[no-untyped-call]  # its class has types, the parser none
    return error if isinstance(error, Exception) else ResponseError(text)


class PlainReader:
    """A reader without hiredis."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0

    def feed(self, data: bytes, /) -> None:
        self._buffer += data

    def gets(self) -> Any:
        at = self._at
        reply = self._reply(0)
        if reply is INCOMPLETE:
            self._at = at
        elif self._at > 65_536 or self._at == len(self._buffer):
            del self._buffer[: self._at]
            self._at = 0
        return reply

    def _reply(self, depth: int) -> Any:
        end = self._buffer.find(b"\r\n", self._at)
        if end < 0:
            return INCOMPLETE
        kind, line = self._buffer[self._at : self._at + 1], bytes(self._buffer[self._at + 1 : end])
        self._at = end + 2
        if kind == b"$":
            return self._bulk(int(line))
        if kind == b"*":
            return self._list(int(line), depth)
        if kind == b"+":
            return line
        if kind == b":":
            return int(line)
        if kind == b"-":
            return failure(line.decode(errors="replace"))
        raise InvalidResponse("the server speaks another protocol")

    def _bulk(self, size: int) -> Any:
        if size < 0:
            return None
        end = self._at + size
        if len(self._buffer) < end + 2:
            return INCOMPLETE
        found = bytes(self._buffer[self._at : end])
        self._at = end + 2
        return found

    def _list(self, size: int, depth: int) -> Any:
        if size < 0:
            return None
        if depth > 8:
            raise InvalidResponse("the server nests replies deeper than any that was asked for")
        found = []
        for _ in range(size):
            item = self._reply(depth + 1)
            if item is INCOMPLETE:
                return INCOMPLETE
            found.append(item)
        return found


def plain_pack(command: Command) -> bytes:
    """Return a request, without hiredis."""
    parts = [b"*%d\r\n" % len(command)]
    for word in command:
        data = word if isinstance(word, bytes) else str(word).encode()
        parts += (b"$%d\r\n" % len(data), data, b"\r\n")
    return b"".join(parts)


pack: Callable[[Command], bytes]
try:
    from hiredis import Reader as _FastReader
    from hiredis import pack_command
except ImportError:
    pack = plain_pack

    def reader() -> Reader:
        """Return a reader for one line."""
        return PlainReader()
else:
    pack = cast("Callable[[Command], bytes]", pack_command)

    def reader() -> Reader:
        """Return a reader for one line."""
        return _FastReader(protocolError=InvalidResponse, replyError=failure, notEnoughData=INCOMPLETE)


def packed(commands: Sequence[Command]) -> bytes:
    """Return several requests."""
    return b"".join(map(pack, commands))
