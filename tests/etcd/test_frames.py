"""What is against HTTP/2, which ends a connection and does nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfbackends_etcd.errors import LineLost
from dfbackends_etcd.frames import packed
from dfbackends_etcd.http2 import Connection

HEADERS = packed([(":method", "POST"), (":scheme", "http"), (":path", "/some/Call"), (":authority", "one")])
SETTINGS = b"\0\0\0\4\0\0\0\0\0"


def framed(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        framed(6, 0, 0, bytes(8)),
        SETTINGS + framed(0, 0, 1, bytes(16_385)),
        SETTINGS + framed(1, 4, 1, b"\xff\xff\xff"),
        SETTINGS + framed(1, 0, 1, b"") + framed(0, 0, 1, b""),
        SETTINGS + framed(1, 0, 1, b"") + 5 * framed(9, 0, 1, bytes(16_000)),
        SETTINGS + framed(9, 4, 1, b""),
        SETTINGS + framed(5, 4, 1, bytes(4)),
        SETTINGS + framed(8, 0, 0, b"\0"),
        SETTINGS + framed(0, 8, 1, b""),
        SETTINGS + framed(0, 8, 1, b"\5abc"),
        framed(4, 0, 0, b"\0" * 5),
        framed(4, 0, 0, b"\0\5\0\0\0\0"),
    ],
    ids=[
        "HTTP/1.1",
        "no settings",
        "too long",
        "no headers",
        "headers without an end",
        "headers of any length",
        "an end without headers",
        "a push",
        "half a number",
        "padding of no length",
        "more padding than all",
        "half a setting",
        "no frames",
    ],
)
def test_what_is_against_the_protocol_ends_the_connection(answer: bytes) -> None:
    client = Connection()
    assert client.begin(HEADERS) == 1

    with pytest.raises(LineLost):
        client.take(answer, [])


@given(st.binary(max_size=100), st.lists(st.tuples(st.integers(0, 10), st.integers(0, 255), st.binary(max_size=30))))
def test_nothing_that_arrives_raises_anything_else(garbage: bytes, frames: list[tuple[int, int, bytes]]) -> None:
    client = Connection()
    client.begin(HEADERS)
    data = SETTINGS + b"".join(framed(kind, flags, 1, payload) for kind, flags, payload in frames) + garbage

    refuses(lambda: client.take(data, []))


def refuses(call: Callable[[], None]) -> None:
    """Call; it may be refused."""
    try:
        call()
    except LineLost:
        return
