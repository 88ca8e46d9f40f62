"""What an entry takes of the memory of a Redis server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import dfbackends
from contract_tests.servers.node import HOST
from dfbackends_redis.testing import RedisServer
from tests.figures import Claim

pytestmark = pytest.mark.claims

ENTRIES = 20_000
TOPIC = "tenant-1234"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "server")
    server.start()
    yield server
    server.kill()


def used(server: RedisServer) -> int:
    """Return the bytes that data take."""
    memory = server.client().info("memory")
    return int(memory["used_memory"] - memory["mem_clients_normal"])


def taken(server: RedisServer, value: str, topic: str) -> float:
    """Return the bytes that an entry takes beside its key and its value."""
    server.ask("FLUSHALL")
    with dfbackends.open(f"redis://{HOST}:{server.port}") as backend:
        backend.db.put("port", "first", value, topic=topic)
        before = used(server)
        keys = [f"port-{number:06}" for number in range(ENTRIES)]
        for start in range(0, ENTRIES, 1000):
            backend.db.put_many("port", dict.fromkeys(keys[start : start + 1000], value), topic=topic)
        for outcome in server.client().scan_iter(match="dfb:*o:*"):
            server.ask("DEL", outcome)
        return (used(server) - before) / ENTRIES - len(keys[0]) - len(value)


def outcome(server: RedisServer) -> float:
    """Return the bytes that a call which writes takes for a while."""
    with dfbackends.open(f"redis://{HOST}:{server.port}") as backend:
        backend.db.put("port", "k", 1)
        before = used(server)
        for number in range(ENTRIES // 4):
            backend.db.put("port", "k", number)
        return (used(server) - before) / (ENTRIES // 4)


def test_an_entry_takes_little_memory(server: RedisServer, claim: Claim) -> None:
    claim("redis, an entry beside key and value", lambda: taken(server, "x" * 100, ""), at_most=120, unit="B")


def test_an_entry_of_a_topic_takes_its_place_in_an_index(server: RedisServer, claim: Claim) -> None:
    claim("redis, an entry with a topic", lambda: taken(server, "x" * 100, TOPIC), at_most=180, unit="B")


def test_a_write_takes_memory_for_its_outcome(server: RedisServer, claim: Claim) -> None:
    claim("redis, the outcome of a write", lambda: outcome(server), at_most=180, unit="B")
