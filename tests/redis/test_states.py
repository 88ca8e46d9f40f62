"""What a server answers in each of its states, and what that means: asked of real servers in that state."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

import dfbackends
from contract_tests.servers.node import HOST
from dfbackends import BackendError, Refused, Unavailable
from dfbackends_redis.testing import RedisServer
from dfbackends_redis.testing.process import until
from dfbackends_redis.testing.states import configured, small_disk
from tests.servers import Open


def url(server: RedisServer, more: str = "") -> str:
    return f"redis://{HOST}:{server.port}?deadline=2&retries=0{more}"


def raised(call: Any, *arguments: Any) -> BackendError:
    with pytest.raises(BackendError) as caught:
        call(*arguments)
    return caught.value


def meaning(error: BackendError) -> tuple[type[BackendError], str]:
    return type(error), error.code


def test_a_full_server_refuses_writes_and_messages_and_answers_reads(server: RedisServer, opened: Open) -> None:
    backend = opened(url(server))
    backend.db.put("full", "k", 1)

    with configured(server, "maxmemory", "1"):
        write, message = raised(backend.db.put, "full", "k", 2), raised(backend.pubsub.publish, "full", 1)
        assert backend.db.get("full", "k") == 1

    assert meaning(write) == meaning(message) == (Refused, "full")
    backend.db.put("full", "k", 3)
    assert backend.db.get("full", "k") == 3


def test_a_server_that_can_not_save_refuses_writes_and_messages(fresh: RedisServer, opened: Open) -> None:
    fresh.start()
    backend = opened(url(fresh))
    backend.db.put("disk", "k", 1)
    # Its folder is gone, so that it can not save, which it then was asked to do.
    fresh.ask("CONFIG", "SET", "save", "3600 1")
    fresh.folder.rename(fresh.folder.with_name("elsewhere"))
    (fresh.folder.with_name("elsewhere") / "dump.rdb").mkdir()
    with fresh.client() as client, pytest.raises(redis.ResponseError):
        client.save()
    client.execute_command("BGSAVE")
    until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", "a failed save")

    write, message = raised(backend.db.put, "disk", "k", 2), raised(backend.pubsub.publish, "disk", 1)

    assert meaning(write) == meaning(message) == (Refused, "full")
    assert backend.db.get("disk", "k") == 1


def test_a_server_whose_disk_is_full_refuses_writes_and_messages_until_there_is_room(tmp_path: Path, opened: Open) -> None:
    server = RedisServer(tmp_path / "server", "--appendonly", "yes", "--appendfsync", "no")
    server.start()
    done: dict[str, str] = {}
    try:
        backend = opened(url(server))

        def fill() -> None:
            for number in range(1000):
                backend.db.put("disk", f"k{number}", "x" * 2000, topic="t")
                done[f"k{number}"] = "x" * 2000

        with small_disk(server, 50_000):
            write, message = raised(fill), raised(backend.pubsub.publish, "disk", 1)
            assert {entry.key: entry.value for entry in backend.db.entries("disk", topic="t")} == done
        until(lambda: succeeds(lambda: backend.db.put("disk", "later", 1)), "room")

        assert meaning(write) == meaning(message) == (Refused, "full")
        # What it could not write down it has written down by now.
        server.kill()
        server.start()
        until(lambda: server.serves, "what it has written down")
        assert {entry.key: entry.value for entry in backend.db.entries("disk")} == {**done, "later": 1}
    finally:
        server.kill()


def succeeds(call: Callable[[], object]) -> bool:
    try:
        call()
    except BackendError:
        return False
    return True


def test_a_replica_takes_neither_writes_nor_messages(server: RedisServer, opened: Open) -> None:
    backend = opened(url(server))
    backend.db.put("replica", "k", 1)

    server.ask("REPLICAOF", HOST, 1)
    try:
        write, message = raised(backend.db.put, "replica", "k", 2), raised(backend.pubsub.publish, "t", 1)
    finally:
        server.ask("REPLICAOF", "NO", "ONE")

    assert meaning(write) == meaning(message) == (Unavailable, "read_only")
    assert backend.db.get("replica", "k") == 1


def test_a_replica_without_its_master_is_unavailable(server: RedisServer, opened: Open) -> None:
    backend = opened(url(server))

    with configured(server, "replica-serve-stale-data", "no"):
        server.ask("REPLICAOF", HOST, 1)
        try:
            read = raised(backend.db.get, "stale", "k")
        finally:
            server.ask("REPLICAOF", "NO", "ONE")

    assert meaning(read) == (Unavailable, "unreachable")


def test_a_master_without_its_replicas_takes_neither_writes_nor_messages(server: RedisServer, opened: Open) -> None:
    backend = opened(url(server))
    backend.db.put("alone", "k", 1)

    with configured(server, "min-replicas-to-write", "1"):
        write, message = raised(backend.db.put, "alone", "k", 2), raised(backend.pubsub.publish, "t", 1)

    assert meaning(write) == meaning(message) == (Unavailable, "not_replicated")


def test_a_busy_server_is_overloaded(fresh: RedisServer, opened: Open) -> None:
    fresh.start()
    backend = opened(url(fresh))
    backend.db.put("busy", "k", 1)
    fresh.ask("CONFIG", "SET", "lua-time-limit", 50)

    def loop() -> None:
        with fresh.client() as client, pytest.raises(redis.RedisError):
            client.eval("while true do end", 0)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        until(lambda: answers(fresh).startswith(b"-BUSY"), "a busy server")
        write, message = raised(backend.db.put, "busy", "k", 2), raised(backend.pubsub.publish, "t", 1)
    finally:
        fresh.ask("SCRIPT", "KILL")
        thread.join()

    assert meaning(write) == meaning(message) == (Unavailable, "overloaded")
    backend.db.put("busy", "k", 3)


def answers(server: RedisServer) -> bytes:
    with socket.create_connection((HOST, server.port), 1) as line:
        line.sendall(b"PING\r\n")
        return line.recv(100)


def test_a_loading_server_is_overloaded(fresh: RedisServer) -> None:
    fresh.start()
    # While it loads it looks up once in 2 MiB.
    fresh.client().mset({f"k{number}": "v" * 20_000 for number in range(2000)})
    fresh.ask("CONFIG", "SET", "rdbcompression", "no")
    fresh.ask("SAVE")
    fresh.kill()
    slow = RedisServer(fresh.folder, "--key-load-delay", "1000", port=fresh.port)

    slow.start()
    try:
        error = raised(dfbackends.open, url(slow))
    finally:
        slow.kill()

    assert meaning(error) == (Unavailable, "overloaded")


def test_a_server_with_too_many_clients_is_overloaded(fresh: RedisServer, opened: Open) -> None:
    fresh.start()
    with fresh.client() as client:
        client.ping()
        client.config_set("maxclients", 1)

        error = raised(dfbackends.open, url(fresh))

        client.config_set("maxclients", 100)
    assert isinstance(error, Unavailable)
    assert error.code in ("overloaded", "unreachable")  # The line may be cut before the reason is read.
    opened(url(fresh)).db.put("t", "k", 1)


def test_a_wrong_password_is_told_at_once_and_tried_once(fresh: RedisServer) -> None:
    fresh.start()
    fresh.ask("CONFIG", "SET", "requirepass", "right")
    client = fresh.client(password="right")
    began = time.monotonic()

    wrong = raised(dfbackends.open, f"redis://:wrong@{HOST}:{fresh.port}?deadline=5")
    none = raised(dfbackends.open, f"redis://{HOST}:{fresh.port}?deadline=5")

    assert time.monotonic() - began < 4
    assert meaning(wrong) == meaning(none) == (Refused, "unauthenticated")
    [entry] = client.acl_log()
    assert entry["count"] == 1
    assert "wrong" not in f"{wrong!r} {wrong.__cause__!r}"
    client.close()


def test_a_server_in_protected_mode_lets_nobody_in_from_elsewhere(tmp_path: Path) -> None:
    # Without --bind: since that tells Redis 6.2 that its operator has thought of who may come.
    server = RedisServer(tmp_path / "server", "--protected-mode", "yes", bind="")
    server.start()
    try:
        began = time.monotonic()
        error = raised(dfbackends.open, f"redis://{elsewhere()}:{server.port}?deadline=5")
        took = time.monotonic() - began
    finally:
        server.kill()

    assert meaning(error) == (Refused, "forbidden")
    assert took < 4


def elsewhere() -> str:
    """Return an address of this machine that is not its loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("198.51.100.1", 9))  # Nothing is sent.
        return str(probe.getsockname()[0])


def test_what_is_not_permitted_is_forbidden(server: RedisServer, opened: Open) -> None:
    server.ask("ACL", "SETUSER", "reader", "on", ">secret", "~*", "&*", "+@all", "-hset", "-incr")
    backend = opened(f"redis://reader:secret@{HOST}:{server.port}?deadline=2&retries=0")

    write, message = raised(backend.db.put, "no", "k", 1), raised(backend.pubsub.publish, "t", 1)

    assert meaning(message) == (Refused, "forbidden")
    assert write.code == "forbidden"


def test_a_write_whose_notices_are_forbidden_has_no_effect(server: RedisServer, opened: Open) -> None:
    server.ask("ACL", "SETUSER", "mute", "on", ">secret", "~*", "resetchannels", "+@all")
    backend = opened(f"redis://mute:secret@{HOST}:{server.port}?deadline=2&retries=0")
    everybody = opened(url(server))
    everybody.db.put("mute", "k", 1)

    write = raised(backend.db.put, "mute", "k", 2)

    assert meaning(write) == (Refused, "forbidden")
    assert everybody.db.get("mute", "k") == 1


def test_a_forbidden_channel_is_denied_and_the_line_goes_on(server: RedisServer, opened: Open) -> None:
    server.ask("ACL", "SETUSER", "some", "on", ">secret", "~*", "resetchannels", "&dfb:p:*", "&dfb:m:*good", "+@all")
    backend = opened(f"redis://some:secret@{HOST}:{server.port}?deadline=2&retries=0")
    heard: list[Any] = []
    backend.pubsub.subscribe("good", lambda _, data: heard.append(data), on_loss=print)

    denied = raised(lambda: backend.pubsub.subscribe("bad", print, on_loss=print))
    opened(url(server)).pubsub.publish("good", 1)

    assert meaning(denied) == (Refused, "forbidden")
    until(lambda: heard == [1], "the message")
