"""The frames of HTTP/2 (RFC 9113, 4 and 6), as bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hpack import Encoder, NeverIndexedHeaderTuple

from dfbackends_etcd.errors import LineLost

DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 5, 6, 7, 8, 9
ACK = END_STREAM = 0x1
END_HEADERS, PADDED, PRIORITY = 0x4, 0x8, 0x20
ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 2, 3, 4, 5

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CANCEL = 8

FRAME_SIZE = 16_384
"""The most that a frame may hold before somebody says else; a server is not told that we take more."""

NUMBER = struct.Struct(">I")
SETTING = struct.Struct(">HI")

_HEADER = struct.Struct(">BHBBI")
_STREAM = 2**31 - 1


class Frame(NamedTuple):
    """A frame that has arrived."""

    kind: int
    flags: int
    stream: int
    payload: bytes


class Frames:
    """Cuts what arrives into frames, of which the first one has to be settings."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._greeted = False

    def take(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that have arrived as a whole; the iterator is to be used up before the next call.

        :raises LineLost: it is something else
        """
        buffer = self._buffer
        buffer += data
        at, size = 0, len(buffer)
        while size - at >= _HEADER.size:
            high, low, kind, flags, stream = _HEADER.unpack_from(buffer, at)
            length = high << 16 | low
            if length > FRAME_SIZE or not (self._greeted or kind == SETTINGS):
                raise LineLost("what answers is no etcd")
            begin = at + _HEADER.size
            if size - begin < length:
                break
            at = begin + length
            self._greeted = True
            with memoryview(buffer) as view:
                payload = bytes(view[begin:at])
            yield Frame(kind, flags, stream & _STREAM, payload)
        del buffer[:at]


def frame(kind: int, flags: int, stream: int, payload: bytes | memoryview) -> bytes:
    """Return a frame to be sent."""
    return _HEADER.pack(len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, stream) + payload


def window_update(stream: int, more: int) -> bytes:
    """Return the frame that allows so many bytes more."""
    return frame(WINDOW_UPDATE, 0, stream, NUMBER.pack(more))


def unpadded(flags: int, payload: bytes) -> bytes:
    """Return what a frame with or without padding holds.

    :raises LineLost: there is more padding than there is anything
    """
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise LineLost("the line is out of step: padding longer than all")
    return payload[1 : len(payload) - payload[0]]


def packed(headers: Iterable[tuple[str, str]]) -> bytes:
    """Return a block of headers that leaves no trace in the tables of either side, and so can be sent again."""
    return Encoder().encode([NeverIndexedHeaderTuple(name, value) for name, value in headers])
