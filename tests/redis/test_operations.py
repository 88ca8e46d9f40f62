"""What the server does with the id of an operation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contract_tests.servers.node import HOST
from dfbackends.api import Expect, Fence, Key, OpId, Table, Write
from dfbackends.config import from_url
from dfbackends.opening import opened_driver
from dfbackends.url import parse
from dfbackends_redis.db import RedisDb
from dfbackends_redis.testing import RedisServer

KEY = Key(Table("operations", "operations"), "k")


@pytest.fixture
def db(server: RedisServer) -> Iterator[RedisDb]:
    db = opened_driver(from_url(parse(f"redis://{HOST}:{server.port}")).db, 5.0)
    assert isinstance(db, RedisDb)
    yield db
    db.write([Write(KEY, None)], OpId("end"))
    db.close()


def test_a_write_that_comes_again_is_answered_and_not_done_again(db: RedisDb) -> None:
    create = [Write(KEY, b"1", "a", Expect.ABSENT)]

    done = db.write(create, OpId("again"))

    assert db.write(create, OpId("again")) == done != [None]
    assert db.write([Write(KEY, b"2")], OpId("again")) == done
    assert db.cancel([KEY], OpId("again")) == done
    [record] = db.read([KEY])
    assert record is not None
    assert (record.value, record.topic, [record.revision]) == (b"1", "a", done)


@pytest.mark.parametrize("expect", [Expect.ANY, Expect.PRESENT])
def test_a_write_that_was_cancelled_is_never_done(db: RedisDb, expect: Expect) -> None:
    op = OpId(f"cancelled-{expect}")

    assert db.cancel([KEY], op) == [Fence.NEVER]

    assert db.write([Write(KEY, b"1", "a", expect)], op) == [None]
    assert db.read([KEY]) == [None]
