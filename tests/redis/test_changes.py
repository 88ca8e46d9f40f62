"""What a line of changes tells of what comes on its channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from contract_tests.servers.node import HOST
from dfbackends.api import Change, Confirmed, Feed, Key, OpId, Stream, Table, Write
from dfbackends.config import from_url
from dfbackends.opening import opened_driver
from dfbackends.url import parse
from dfbackends_redis.db import RedisDb
from dfbackends_redis.names import change_channel
from dfbackends_redis.testing import RedisServer
from dfbackends_redis.testing.process import until

ONE, WIDE = Table("one", "one"), Table("wide", "wide", 4)


@pytest.fixture
def db(server: RedisServer) -> Iterator[RedisDb]:
    db: Any = opened_driver(from_url(parse(f"redis://{HOST}:{server.port}")).db, 10.0)
    yield db
    db.close()


@pytest.fixture
def feed(db: RedisDb) -> Iterator[Feed[Stream, Change]]:
    feed = db.watch()
    yield feed
    feed.close()


def received(feed: Feed[Stream, Change], count: int) -> list[Any]:
    found: list[Any] = []

    def has_come() -> bool:
        found.extend(feed.receive(0.1))
        return len(found) >= count

    until(has_come, f"{count} events")
    return found


def put(db: RedisDb, table: Table, name: str, op: str) -> None:
    db.write([Write(Key(table, name), b"v")], OpId(op))


def packed(*texts: bytes) -> bytes:
    return bytes([0x90 + len(texts)]) + b"".join(bytes([0xA0 + len(text)]) + text for text in texts)


@pytest.mark.parametrize("table", [ONE, WIDE], ids=["one", "wide"])
def test_a_stream_that_is_given_up_and_asked_for_again_at_once_is_confirmed(
    server: RedisServer, db: RedisDb, feed: Feed[Stream, Change], table: Table
) -> None:
    streams = [Stream(table), Stream(table, "a")]
    put(db, table, "k", "first")
    feed.subscribe(streams[:1])
    [first] = received(feed, 1)

    feed.unsubscribe(streams[:1])
    feed.subscribe(streams)
    # All is answered before any of it is read: the channel of its own, and two more.
    until(lambda: any(line["sub"] == "3" for line in server.client().client_list()), "the answers")

    again, other = received(feed, 2)
    assert again == first
    assert isinstance(other, Confirmed)
    assert other.topic == streams[1]
    put(db, table, "l", "second")
    [change] = received(feed, 1)
    assert (change.name, change.stream) == ("l", streams[0])


@pytest.mark.parametrize("table", [ONE, WIDE], ids=["one", "wide"])
def test_what_is_no_change_is_passed_over(
    server: RedisServer, db: RedisDb, feed: Feed[Stream, Change], table: Table, caplog: pytest.LogCaptureFixture
) -> None:
    feed.subscribe([Stream(table)])
    [confirmed] = received(feed, 1)
    label = b"1" if table is WIDE else b""

    for notice in (
        b"x",
        packed(b"C%b op 5 x 0" % label),
        packed(b"C%b op 5 x 0" % label, b"k"),
        packed(b"C%b op 5 x 0" % label, b"k", b"no record"),
        packed(b"C77 op 5 x 0", b"k", b""),
        packed(b"D%b op 5 x 0" % label, b"k", b""),
        packed(b"C%b op 5 \xff 0" % label, b"k", b""),
    ):
        server.client().publish(change_channel(table.name, None), notice)
    put(db, table, "k", f"after-{table.name}")

    [change] = received(feed, 1)
    assert change.name == "k"
    before = confirmed.head if isinstance(confirmed.head, str) else confirmed.head[change.chain]
    assert change.prev == before
    assert len(caplog.records) == 7
