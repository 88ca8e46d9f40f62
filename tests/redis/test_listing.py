"""Listings that take several steps."""

from __future__ import annotations

from contract_tests.servers.node import HOST
from dfbackends_redis.scan import Seen
from dfbackends_redis.testing import RedisServer
from tests.servers import Open

COUNT = 3000


def test_a_topic_of_many_steps_is_listed_whole_and_alone(server: RedisServer, opened: Open) -> None:
    backend = opened(f"redis://{HOST}:{server.port}")
    backend.db.put_many("long", {f"a{number}": number for number in range(COUNT)}, topic="a")
    backend.db.put_many("long", {f"b{number}": number for number in range(10)}, topic="ab")
    backend.db.put("long", "none", 1)

    assert sorted(entry.value for entry in backend.db.entries("long", topic="a")) == list(range(COUNT))
    assert len({entry.key for entry in backend.db.entries("long")}) == len(list(backend.db.entries("long"))) == COUNT + 11


def test_what_leaves_a_topic_while_it_is_listed_is_not_in_it(server: RedisServer, opened: Open) -> None:
    backend = opened(f"redis://{HOST}:{server.port}")
    names = [f"k{number:04}" for number in range(COUNT)]
    backend.db.put_many("moving", dict.fromkeys(names, 1), topic="a")

    listing = iter(backend.db.entries("moving", topic="a"))
    first = next(listing).key
    backend.db.put("moving", names[-1], 2, topic="b")
    backend.db.delete("moving", names[-2])

    assert [first, *(entry.key for entry in listing)] == names[:-2]


def test_what_a_server_tells_again_comes_once() -> None:
    seen = Seen()
    pages = [[b"a", b"b"], [b"b", b"c", b"c"], [b"d"], [b"a", b"d"], [b"e"]]

    found = [entry for names in pages for entry in seen.fresh(names, [b"%d   %b" % (1, name) for name in names])]

    assert [(name, record.value) for name, record in found] == [(name, name.encode()) for name in "abcde"]
