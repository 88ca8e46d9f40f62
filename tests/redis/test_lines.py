"""Lines to one server: which there are, and what becomes of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from contract_tests.servers.node import HOST
from dfbackends import OutcomeUnknown, Reason, Unavailable
from dfbackends_redis.testing import RedisServer
from dfbackends_redis.testing.process import until
from tests.inbox import Inbox
from tests.servers import Open


def url(server: RedisServer, more: str = "") -> str:
    return f"redis://{HOST}:{server.port}?deadline=10{more}"


@contextmanager
def frozen(server: RedisServer) -> Iterator[None]:
    server.freeze()
    try:
        yield
    finally:
        server.thaw()


def test_one_thread_uses_one_connection(server: RedisServer, opened: Open) -> None:
    before = server.lines("dfb-data")
    backend = opened(url(server))

    for number in range(50):
        backend.db.put("one", "k", number)
        backend.db.get("one", "k")

    assert server.lines("dfb-data") == before + 1


def test_idle_connections_that_were_killed_are_no_error(server: RedisServer, opened: Open) -> None:
    backend = opened(url(server, "&retries=0"))
    backend.db.put("idle", "k", 1)
    backend.pubsub.publish("t", 1)

    server.ask("CLIENT", "KILL", "TYPE", "normal")
    until(lambda: server.lines("dfb-data") == 0, "the lines to end")

    assert backend.db.get("idle", "k") == 1
    backend.pubsub.publish("t", 2)


def test_a_refused_port_is_definite(fresh: RedisServer, opened: Open) -> None:
    fresh.start()
    backend = opened(url(fresh, "&retries=0"))
    backend.db.put("t", "k", 1)
    fresh.kill()

    with pytest.raises(Unavailable) as caught:
        backend.db.put("t", "k", 2)

    assert caught.value.code == "unreachable"


def test_a_frozen_server_leaves_a_write_in_doubt_within_the_deadline(server: RedisServer, opened: Open) -> None:
    backend = opened(f"redis://{HOST}:{server.port}?deadline=2")
    backend.db.put("frozen", "k", 1)

    with frozen(server):
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown) as caught:
            backend.db.put("frozen", "k", 2)
        took = time.monotonic() - began

    assert took < 2.2
    # What it was is found afterwards, and stays so.
    assert caught.value.operation is not None
    outcome = backend.db.resolve(caught.value)
    assert (backend.db.get("frozen", "k") == 2) == bool(outcome)


def test_a_frozen_server_is_noticed_by_who_listens(server: RedisServer, opened: Open) -> None:
    inbox = Inbox()
    backend = opened(url(server))
    backend.pubsub.subscribe("frozen", inbox.on_message, on_loss=inbox.on_loss)

    with frozen(server):
        began = time.monotonic()
        inbox.until(Reason.DOWN, 5)
        took = time.monotonic() - began

    assert took < 3.5
    assert inbox.until(Reason.RECOVERED) == [Reason.DOWN, Reason.RECOVERED]


def test_a_killed_listener_is_told_and_hears_again_after_renewing(server: RedisServer, opened: Open) -> None:
    inbox = Inbox()
    backend = opened(url(server))
    subscription = backend.pubsub.subscribe("killed", inbox.on_message, on_loss=inbox.on_loss)

    server.ask("CLIENT", "KILL", "TYPE", "pubsub")
    inbox.until(Reason.RECOVERED)
    until(lambda: subscription.live, "the renewal")
    backend.pubsub.publish("killed", 1)

    assert inbox.until(1) == [Reason.DOWN, Reason.RECOVERED, 1]


def test_scripts_that_were_forgotten_are_taught_again(server: RedisServer, opened: Open) -> None:
    backend = opened(url(server))
    backend.db.put("forgotten", "k", 1)

    server.ask("SCRIPT", "FLUSH")

    backend.db.put("forgotten", "k", 2, topic="a")
    server.ask("SCRIPT", "FLUSH")
    assert [entry.key for entry in backend.db.entries("forgotten", topic="a")] == ["k"]
    server.ask("SCRIPT", "FLUSH")
    assert len(backend.db.put_many("forgotten", {f"k{number}": number for number in range(500)})) == 500
    server.ask("SCRIPT", "FLUSH")
    backend.pubsub.publish("t", 1)


def test_a_socket_in_the_file_system(tmp_path: Path, opened: Open) -> None:
    server = RedisServer(tmp_path / "server", "--unixsocket", str(tmp_path / "socket"))
    server.start()
    try:
        backend = opened(f"redis+unix:{tmp_path}/socket")
        backend.db.put("unix", "k", 1)
        inbox = Inbox()
        backend.pubsub.subscribe("t", inbox.on_message, on_loss=inbox.on_loss)
        backend.pubsub.publish("t", 1)

        assert backend.db.get("unix", "k") == 1
        inbox.until(1)
    finally:
        server.kill()


def test_a_replicated_write_is_in_doubt_without_a_replica(server: RedisServer, opened: Open) -> None:
    opened(url(server)).db.put("replicated", "k", 1)
    backend = opened(f"redis://{HOST}:{server.port}?deadline=3&retries=0&durability=replicated")

    with pytest.raises(OutcomeUnknown) as caught:
        backend.db.put("replicated", "k", 2)

    assert caught.value.code == "not_replicated"


def test_a_replicated_write_succeeds_with_one(server: RedisServer, tmp_path: Path, opened: Open) -> None:
    replica = RedisServer(tmp_path / "replica", "--repl-diskless-sync-delay", "0")
    replica.start()
    try:
        replica.ask("REPLICAOF", HOST, server.port)
        until(lambda: replica.client().info("replication")["master_link_status"] == "up", "the replica")
        backend = opened(f"redis://{HOST}:{server.port}?durability=replicated")

        backend.db.put("replicated-2", "k", 1)

        assert any("replicated-2" in str(key) for key in replica.client().scan_iter())
    finally:
        replica.kill()
