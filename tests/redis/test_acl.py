"""The least rights that a user needs: with them everything works, without any of them something does not."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from contract_tests.servers.node import HOST
from dfbackends.api import Alive, Change, Confirmed, DbApi, Feed, Fence, Key, Message, OpId, PubSubApi, Stream, Table, Write
from dfbackends.config import from_url
from dfbackends.opening import opened_driver
from dfbackends.url import parse
from dfbackends_redis.acl import CHANNELS, KEYS, SENTINELS, SERVERS, rules
from dfbackends_redis.place import place
from dfbackends_redis.testing import RedisCluster, RedisServer, Sentinels
from dfbackends_redis.testing.process import until
from tests.redis.moving import move_slot, settle_slot
from tests.servers import Open

SINGLE = [right.command for right in SERVERS["redis"]]
OF_CLUSTER = [right.command for right in SERVERS["redis-cluster"] if right not in SERVERS["redis"]]
OF_SENTINEL = [right.command for right in SERVERS["redis-sentinel"] if right not in SERVERS["redis"]]
WITHIN = 1.5


@pytest.fixture(scope="module")
def replicated(server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server with a replica."""
    replica = RedisServer(tmp_path_factory.mktemp("replica") / "replica", "--repl-diskless-sync-delay", "0")
    replica.start()
    replica.ask("REPLICAOF", HOST, server.port)
    # The server counts it only when it has heard from it, which may be a second after the replica is content.
    until(lambda: server.client().info("replication").get("slave0", {}).get("state") == "online", "the replica")
    yield server
    replica.kill()


def grant(server: RedisServer, driver: str, user: str, *patterns: str, without: str = "") -> None:
    rights = [right for right in SERVERS[driver] if right.command != without]
    server.ask("ACL", "SETUSER", user, "reset", "on", ">secret", *rules(rights, *patterns))


def grants(driver: str, *servers: RedisServer, without: str = "") -> None:
    """Make a user that has the rights, one that has them, but no channel, and one that may not publish."""
    for server in servers:
        grant(server, driver, "app", KEYS, CHANNELS, without=without)
        grant(server, driver, "mute", KEYS, without=without)
        grant(server, driver, "quiet", KEYS, CHANNELS, without=without)
        server.ask("ACL", "SETUSER", "quiet", "-publish")


def drivers(url: str) -> tuple[DbApi, PubSubApi]:
    settings = from_url(parse(url))
    assert settings.pubsub is not None
    return opened_driver(settings.db, 5.0), opened_driver(settings.pubsub, 5.0)


def hear(feed: Feed[Any, Any], holds: Callable[[Any], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not any(holds(event) for event in feed.receive(0.1)):
        assert time.monotonic() < deadline


def work(url: str, ids: Iterator[OpId]) -> None:
    """Do everything that a driver does."""
    db: Any
    db, pubsub = drivers(url)
    try:
        keep_entries(db, ids)
        follow(db, ids)
        carry_messages(pubsub)
        assert all("could not be looked at: the user needs" not in finding.text for finding in db.inspect())
    finally:
        pubsub.close()
        db.close()
    db, _ = drivers(url.replace("app:", "mute:"))
    try:
        refuse_without_notice(db, ids)
    finally:
        db.close()
    _, pubsub = drivers(url.replace("app:", "quiet:"))
    try:
        stay_alive(pubsub)
    finally:
        pubsub.close()


def keep_entries(db: Any, ids: Iterator[OpId]) -> None:
    table = Table("acl", "acl")
    keys = [Key(table, name) for name in "abc"]
    op = next(ids)
    first = db.write([Write(key, b"1", "t") for key in keys], op)
    assert db.write([Write(key, b"1", "t") for key in keys], op) == first
    assert db.read(keys[:1])[0].value == b"1"
    assert [record.value for record in db.read(keys)] == [b"1"] * 3
    db.write([Write(keys[0], b"2", "other")], next(ids))
    assert {name for name, _ in db.scan(table, "t")} == {"b", "c"}
    assert len(list(db.scan(table))) == 3
    assert db.commit([Write(keys[1], b"3")], {keys[0]: first[0]}, [], next(ids)) is None
    op = next(ids)
    assert db.commit([Write(keys[1], b"3")], {}, [Message("t", b"1")], op)
    assert db.cancel([keys[1]], op) != [Fence.NEVER]
    assert db.cancel([keys[1]], next(ids)) == [Fence.NEVER]
    db.write([Write(keys[2], None)], next(ids))
    db.drop(table)
    assert not list(db.scan(table))


def follow(db: Any, ids: Iterator[OpId]) -> None:
    table = Table("followed", "followed")
    feed = db.watch()
    try:
        feed.subscribe([Stream(table)])
        hear(feed, lambda event: isinstance(event, Confirmed))
        db.write([Write(Key(table, "k"), b"1")], next(ids))
        hear(feed, lambda event: isinstance(event, Change))
        assert all(db.heads([Stream(table), Stream(table, "t")])[:1])
    finally:
        feed.close()


def carry_messages(pubsub: PubSubApi) -> None:
    feed = pubsub.listen()
    try:
        feed.subscribe(["t", "u"])
        hear(feed, lambda event: event == Confirmed("u", ""))
        pubsub.publish([Message("t", b"1")])
        hear(feed, lambda event: event == Message("t", b"1"))
        feed.probe()
        hear(feed, lambda event: isinstance(event, Alive))
        feed.unsubscribe(["u"])
        pubsub.publish([Message("t", b"2")])
        hear(feed, lambda event: event == Message("t", b"2"))
        # What was refused before is in the answers that have come by now.
        pubsub.publish([Message("u", b"3"), Message("t", b"4")])
        hear(feed, lambda event: event == Message("t", b"4"))
    finally:
        feed.close()


def stay_alive(pubsub: PubSubApi) -> None:
    """Prove that a line is alive by an answer on it, where no message can be sent to it."""
    feed = pubsub.listen()
    deadline = time.monotonic() + WITHIN
    try:
        while not any(isinstance(event, Alive) for event in feed.receive(0.1)):
            assert time.monotonic() < deadline
            feed.probe()
    finally:
        feed.close()


def refuse_without_notice(db: Any, ids: Iterator[OpId]) -> None:
    """A write whose notice is forbidden is not done, and says so each time that it is asked for."""
    key, op = Key(Table("mute", "mute"), "k"), next(ids)
    for _ in range(2):
        try:
            db.write([Write(key, b"1")], op)
        except redis.ResponseError:
            continue
        raise AssertionError("it says that it was done")
    assert db.read([key]) == [None]


def names(url: str, user: str, *servers: RedisServer) -> set[str]:
    """Return the names of the lines that a user has while a driver is at work."""
    db, pubsub = drivers(url)
    try:
        db.read([Key(Table("acl", "acl"), "a")])
        return {line["name"] for server in servers for line in server.client().client_list() if line["user"] == user}
    finally:
        pubsub.close()
        db.close()


def fails(call: Callable[[], None]) -> bool:
    try:
        call()
    except Exception:
        return True
    return False


@pytest.fixture(scope="module")
def ids() -> Iterator[OpId]:
    return iter(OpId(f"acl-{number}") for number in range(1_000_000))


class TestOneServer:
    def url(self, server: RedisServer) -> str:
        return f"redis://app:secret@{HOST}:{server.port}/1?durability=replicated"

    def test_with_these_rights_everything_works(self, replicated: RedisServer, ids: Iterator[OpId]) -> None:
        grants("redis", replicated)
        replicated.ask("ACL", "LOG", "RESET")

        work(self.url(replicated), ids)
        assert names(self.url(replicated), "app", replicated) == {"dfb-data"}

        # Of the forbidden notices and messages alone, and of CONFIG GET, which nothing relies on.
        entries: list[Any] = replicated.client().acl_log()
        refused = {(entry["username"], entry["reason"], entry["object"]) for entry in entries}
        assert {entry[:2] for entry in refused if "config" not in entry[2]} == {("mute", "channel"), ("quiet", "command")}

    @pytest.mark.parametrize("command", SINGLE)
    def test_without_any_of_them_something_fails(self, replicated: RedisServer, ids: Iterator[OpId], command: str) -> None:
        grants("redis", replicated, without=command)

        if command == "client|setname":
            assert names(self.url(replicated), "app", replicated) == {""}
        else:
            assert fails(lambda: work(self.url(replicated), ids))

    @pytest.mark.parametrize(
        "command",
        [
            ("FLUSHALL",),
            ("KEYS", "*"),
            ("CONFIG", "GET", "requirepass"),
            ("MONITOR",),
            ("ACL", "LIST"),
            ("CLIENT", "KILL", "TYPE", "normal"),
            ("PSUBSCRIBE", "*"),
            ("SUBSCRIBE", "foreign"),
            ("PUBLISH", "foreign", "1"),
            ("GET", "foreign"),
            ("HGET", "foreign", "k"),
            ("EVALSHA", "a" * 40, 1, "foreign"),
        ],
        ids=lambda command: " ".join(map(str, command[:2])),
    )
    def test_nothing_else_is_allowed(self, server: RedisServer, command: tuple[str | int, ...]) -> None:
        grants("redis", server)

        with server.client(username="app", password="secret") as client, pytest.raises(redis.ResponseError) as caught:
            client.execute_command(*command)

        # Before Redis 7 a script is looked for first, and then refused key by key.
        assert isinstance(caught.value, redis.exceptions.NoPermissionError | redis.exceptions.NoScriptError)


class TestCluster:
    def url(self, cluster: RedisCluster) -> str:
        return f"redis-cluster://app:secret@{cluster.hosts}"

    def test_with_these_rights_everything_works(self, masters: RedisCluster, ids: Iterator[OpId]) -> None:
        grants("redis-cluster", *masters.nodes)

        work(self.url(masters), ids)
        self.read_while_moving(masters)

    @pytest.mark.parametrize("command", OF_CLUSTER)
    def test_without_any_of_them_something_fails(self, masters: RedisCluster, ids: Iterator[OpId], command: str) -> None:
        grants("redis-cluster", *masters.nodes, without=command)

        assert fails(lambda: self.read_while_moving(masters))

    def read_while_moving(self, masters: RedisCluster) -> None:
        home = place(Table("acl-moving", "acl-moving"))
        source = masters.master_of(home.records)
        target = next(node for node in masters.nodes if node is not source)
        move_slot(source, target, home.slot, 1000)
        db: Any
        db, pubsub = drivers(self.url(masters))
        try:
            assert db.read([Key(Table("acl-moving", "acl-moving"), "k")]) == [None]
        finally:
            pubsub.close()
            db.close()
            settle_slot(masters, target, source, home.slot)


def test_by_sentinel_with_these_rights_everything_works_and_without_any_something_fails(
    sentinels: Sentinels, ids: Iterator[OpId]
) -> None:
    url = f"redis-sentinel://app:secret@{sentinels.hosts}/{sentinels.service}?sentinel_user=asker&sentinel_password=asking"

    def ask(without: str = "") -> None:
        rights = [right for right in SENTINELS if right.command != without]
        for sentinel in sentinels.sentinels:
            sentinel.ask("ACL", "SETUSER", "asker", "reset", "on", ">asking", *rules(rights))

    ask()
    grants("redis-sentinel", *sentinels.servers)
    work(url, ids)
    assert names(url, "asker", *sentinels.sentinels) == {"dfb-data"}

    for command in OF_SENTINEL:
        grants("redis-sentinel", *sentinels.servers, without=command)
        assert fails(lambda: work(url, ids)), command
    grants("redis-sentinel", *sentinels.servers)
    told, *asked = SENTINELS
    ask(without=told.command)
    assert names(url, "asker", *sentinels.sentinels) == {""}
    for right in asked:
        ask(without=right.command)
        assert fails(lambda: work(url, ids)), right


def test_what_is_printed_makes_the_user(server: RedisServer, opened: Open) -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "dfbackends_redis.acl", "redis", "--user", "printed"], capture_output=True, text=True, check=True
    ).stdout

    server.ask(*printed.split())

    backend = opened(f"redis://printed:PASSWORD@{HOST}:{server.port}")
    with backend.mirror("printed") as mirror:
        backend.db.put("printed", "k", 1, announce=("t", 1))
        until(lambda: mirror.size == 1, "the change")
