"""Frames: four bytes that tell the length, then JSON."""

from __future__ import annotations

import base64
import json
import socket
import struct
from collections.abc import Sequence
from typing import Any

from dfbackends.api import Alive, Change, Confirmed, Expect, Key, Message, Record, Stream, Table, Write

_LENGTH = struct.Struct(">I")
_CHUNK = 65536


class Buffer:
    """Bytes that have arrived, cut into frames."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> None:
        """Add bytes."""
        self._bytes += data

    def next(self) -> Any:
        """Return the next frame, None where it is not complete."""
        if len(self._bytes) < _LENGTH.size:
            return None
        [length] = _LENGTH.unpack_from(self._bytes)
        end = _LENGTH.size + length
        if len(self._bytes) < end:
            return None
        frame = json.loads(self._bytes[_LENGTH.size : end])
        del self._bytes[:end]
        return frame

    def read(self, end: socket.socket) -> Any:
        """Return the next frame from a socket, None at its end; raises OSError."""
        while (frame := self.next()) is None:
            data = end.recv(_CHUNK)
            if not data:
                return None
            self.feed(data)
        return frame


def framed(value: Any) -> bytes:
    """Return a value as a frame."""
    data = json.dumps(value, ensure_ascii=False).encode()
    return _LENGTH.pack(len(data)) + data


def packed(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def unpacked(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def key(item: Sequence[Any]) -> Key:
    table, name = item
    return Key(Table(*table), name)


def pack_write(write: Write) -> list[Any]:
    return [write.key, packed(write.value), write.topic, pack_expect(write.expect)]


def write(item: Sequence[Any]) -> Write:
    where, value, topic, expected = item
    return Write(key(where), unpacked(value), topic, expect(expected))


def pack_expect(expected: Expect | int) -> str | int:
    return expected.value if isinstance(expected, Expect) else expected


def expect(item: str | int) -> Expect | int:
    return Expect(item) if isinstance(item, str) else item


def pack_record(record: Record | None) -> list[Any] | None:
    return None if record is None else [packed(record.value), record.revision, record.topic]


def record(item: Sequence[Any] | None) -> Record | None:
    if item is None:
        return None
    value, revision, topic = item
    return Record(unpacked(value) or b"", revision, topic)


def pack_message(message: Message) -> list[Any]:
    return [message.topic, packed(message.data), message.prev, message.head]


def message(item: Sequence[Any]) -> Message:
    topic, data, prev, head = item
    return Message(topic, unpacked(data) or b"", prev, head)


def pack_event(event: Any) -> list[Any]:
    """Return what a feed tells, as JSON."""
    if isinstance(event, Message):
        return ["message", *pack_message(event)]
    if isinstance(event, Change):
        return ["change", event.stream, event.name, pack_record(event.record), event.revision, *event[-3:]]
    assert isinstance(event, Confirmed)
    return ["confirmed", event.topic, event.head]


def event(item: Sequence[Any]) -> Any:
    """Return what a feed tells."""
    kind, *parts = item
    if kind == "message":
        return message(parts)
    if kind == "change":
        where, name, found, revision, *place = parts
        return Change(stream(where), name, record(found), revision, *place)
    if kind == "confirmed":
        topic, head = parts
        return Confirmed(topic if isinstance(topic, str) else stream(topic), head)
    return Alive()


def stream(item: Sequence[Any]) -> Stream:
    table, topic = item
    return Stream(Table(*table), topic)
