"""Which entries a topic has: an index of chunks, of which nothing else tells."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from contract_tests.servers.node import HOST
from dfbackends.api import Key, OpId, Table, Write
from dfbackends_redis.place import place
from dfbackends_redis.testing import RedisServer
from tests.redis.test_acl import drivers

NUMBERS = count(1)
TOPICS = ("", "a", "ab", "b", "a:b", "%", "é")
# A chunk has NUL between its names, and U+0001 before what stands for either.
NAMES = [
    f"{begin}{number}{end}" for begin in ("", "\0", "\1", "\1a", "\1b", " ") for number in range(12) for end in ("", "\0", "\1")
]


@pytest.fixture
def db(server: RedisServer) -> Iterator[Any]:
    db, pubsub = drivers(f"redis://{HOST}:{server.port}")
    yield db
    db.close()
    pubsub.close()


@pytest.fixture
def table() -> Table:
    return Table(f"index-{next(NUMBERS)}", "index")


def op() -> OpId:
    return OpId(f"index-{next(NUMBERS)}")


def chunks(server: RedisServer, table: Table) -> list[list[str]]:
    """Return the chunks as they are stored: topic, number, and names."""
    members: Any = server.client().zrange(place(table).topics, 0, -1)
    return [member.split("\0")[:-1] for member in members]


def listed(db: Any, table: Table) -> dict[str, list[str]]:
    return {topic: sorted(name for name, _ in db.scan(table, topic)) for topic in TOPICS if topic}


@pytest.mark.parametrize("most", [1, 40], ids=["one by one", "several at once"])
def test_a_topic_has_what_was_written_to_it_last_and_no_more(server: RedisServer, db: Any, table: Table, most: int) -> None:
    chance = random.Random(most)
    topics: dict[str, str] = {}

    for _ in range(600 // most):
        some = chance.sample(NAMES, chance.randint(1, most))
        writes = [Write(Key(table, name), chance.choice((None, b"v", b"v")), chance.choice(TOPICS)) for name in some]
        db.write(writes, op()) if chance.random() < 0.5 else db.commit(writes, {}, [], op())
        for (_, name), value, topic, _ in writes:
            topics.pop(name, None)
            if value is not None:
                topics[name] = topic

    found = listed(db, table)
    assert found == {topic: sorted(name for name in topics if topics[name] == topic) for topic in found}
    assert {name: record.topic for name, record in db.scan(table)} == topics
    assert sum(len(names) for _, _, *names in chunks(server, table)) == sum(map(len, found.values()))
    db.drop(table)
    assert chunks(server, table) == []
    assert not server.client().exists(place(table).records)


@pytest.mark.parametrize("at_once", [1, 7, 100])
def test_what_came_after_each_other_is_in_one_piece(server: RedisServer, db: Any, table: Table, at_once: int) -> None:
    names = [f"k{number:04}" for number in range(500)]
    for start in range(0, 500, at_once):
        db.write([Write(Key(table, name), b"v", "a") for name in names[start : start + at_once]], op())

    found = chunks(server, table)

    # The last chunk is not full yet.
    assert [sorted(some) for _, _, *some in found[:31]] == [names[start : start + 16] for start in range(0, 496, 16)]
    assert sorted(name for _, _, *some in found[31:] for name in some) == names[496:]
    assert sorted(name for name, _ in db.scan(table, "a")) == names


def test_a_listing_goes_on_where_pieces_have_become_one(db: Any, table: Table) -> None:
    names = [f"k{number:04}" for number in range(125 * 16 + 15)]
    db.write([Write(Key(table, name), b"v", "a") for name in names[: 125 * 16]], op())
    for name in reversed(names[125 * 16 :]):
        db.write([Write(Key(table, name), b"v", "a")], op())

    listing = db.scan(table, "a")
    found = [next(listing)[0]]
    db.write([Write(Key(table, "last"), b"v", "a")], op())
    found += [name for name, _ in listing]

    assert len(found) == len(set(found))
    assert set(names) <= set(found)


def test_an_entry_that_stays_in_its_topic_stays_in_its_place(server: RedisServer, db: Any, table: Table) -> None:
    db.write([Write(Key(table, f"k{number}"), b"v", "a") for number in range(200)], op())
    before = chunks(server, table)

    db.write([Write(Key(table, f"k{number}"), b"w", "a") for number in range(0, 200, 3)], op())
    db.write([Write(Key(table, "k1"), b"w", "a")], op())

    assert chunks(server, table) == before
    assert db.read([Key(table, "k1"), Key(table, "k3")])[0].value == b"w"


def test_the_longest_names_are_listed(db: Any, table: Table) -> None:
    names = sorted(f"{number:03}".ljust(512, "n") for number in range(50))

    db.write([Write(Key(table, name), b"v", "t" * 256) for name in names], op())

    assert sorted(name for name, _ in db.scan(table, "t" * 256)) == names
