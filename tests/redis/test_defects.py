"""What the backends for Redis that came before did wrong, and these must not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import dfbackends
from contract_tests.servers.node import HOST
from dfbackends import Closed, Error, KeyExists, OutcomeUnknown, PartlyDone, Reason, Refused, Unavailable
from dfbackends.api import Table
from dfbackends_redis.place import place
from dfbackends_redis.testing import RedisCluster, RedisServer
from dfbackends_redis.testing.process import until
from dfbackends_redis.testing.states import configured
from tests.inbox import Inbox
from tests.redis.moving import move_slot, settle_slot
from tests.servers import Open


def url(server: RedisServer, more: str = "") -> str:
    return f"redis://{HOST}:{server.port}?deadline=2{more}"


def of_cluster(cluster: RedisCluster, more: str = "") -> str:
    return f"redis-cluster://{cluster.hosts}?deadline=10{more}"


def at_once(calls: list[Callable[[], object]]) -> list[object]:
    """Return what the calls have returned or raised, each of a thread of its own."""
    results: list[object] = [None] * len(calls)
    start = threading.Barrier(len(calls))

    def run(number: int) -> None:
        start.wait()
        try:
            results[number] = calls[number]()
        except Error as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_creating_never_overwrites_and_leaves_what_is_there_as_it_was(server: RedisServer, opened: Open) -> None:
    backend = opened(url(server))
    backend.db.create("create", "k", "mine", topic="a")
    before = backend.db.entry("create", "k")

    with pytest.raises(KeyExists):
        backend.db.create("create", "k", "yours", topic="b", announce=("t", 1))

    assert backend.db.entry("create", "k") == before
    assert [entry.key for entry in backend.db.entries("create", topic="a")] == ["k"]
    assert not list(backend.db.entries("create", topic="b"))


def test_of_many_who_create_the_same_key_one_does(masters: RedisCluster, opened: Open) -> None:
    backends = [opened(of_cluster(masters)) for _ in range(4)]

    for number in range(20):
        results = at_once([partial(backend.db.create, "race", f"k{number}", 1) for backend in backends])

        assert sorted(map(type, results), key=str) == sorted([int, *[KeyExists] * 3], key=str)


def test_a_server_that_is_away_is_no_missing_key(fresh: RedisServer, opened: Open) -> None:
    fresh.start()
    backend = opened(url(fresh))
    backend.db.put("away", "k", 1)
    fresh.kill()
    db = backend.db

    failures = at_once(
        [
            lambda: db.get("away", "k"),
            lambda: db.get_many("away", ["k", "l"]),
            lambda: list(db.entries("away")),
            lambda: db.update("away", "k", 2),
            lambda: db.delete("away", "k"),
        ]
    )

    assert [(type(failure), getattr(failure, "code", "")) for failure in failures] == [(Unavailable, "unreachable")] * 5


def test_an_error_of_a_node_that_is_no_redirection_says_what_it_is(masters: RedisCluster, opened: Open) -> None:
    backend = opened(of_cluster(masters))
    backend.db.put("refusing", "k", 1)
    home = place(Table("/refusing", "/refusing"))
    node = masters.master_of(home.records)

    node.ask("CONFIG", "SET", "maxmemory", "1")
    try:
        with pytest.raises(Refused) as caught:
            backend.db.put("refusing", "k", 2)
    finally:
        node.ask("CONFIG", "SET", "maxmemory", "0")

    assert caught.value.code == "full"
    assert backend.db.get("refusing", "k") == 1


def test_who_is_asked_by_a_redirection_is_the_node_that_is_known(masters: RedisCluster, opened: Open) -> None:
    backend = opened(of_cluster(masters))
    backend.db.put("asked", "k", 1)
    home = place(Table("/asked", "/asked"))
    source = masters.master_of(home.records)
    target = next(node for node in masters.nodes if node is not source)
    lines = [node.lines("dfb-data") for node in masters.nodes]

    move_slot(source, target, home.slot, 1000)
    try:
        assert backend.db.get("asked", "k") == 1
        assert [node.lines("dfb-data") for node in masters.nodes] == lines
    finally:
        settle_slot(masters, target, source, home.slot)


def test_a_publication_that_fails_is_told_to_who_publishes(fresh: RedisServer, opened: Open) -> None:
    fresh.start()
    backend = opened(url(fresh))
    backend.pubsub.publish("t", 1)

    fresh.kill()
    with pytest.raises(Unavailable):
        backend.pubsub.publish("t", 2)
    backend.close()
    with pytest.raises(Closed):
        backend.pubsub.publish("t", 3)


def test_of_many_writes_those_that_fail_are_named_and_the_others_are_done(masters: RedisCluster, opened: Open) -> None:
    backend = opened(of_cluster(masters, "&retries=1"))
    backend.db.create_table("bulk", buckets=16)
    entries = {f"key-{number}": number for number in range(1500)}
    began = time.monotonic()

    with configured(masters.nodes[0], "maxmemory", "1"), pytest.raises(PartlyDone) as caught:
        backend.db.put_many("bulk", entries)

    assert time.monotonic() - began < 5
    failed, done = caught.value.failed, caught.value.done
    assert failed
    assert failed.keys() | done.keys() == entries.keys()
    assert {type(error) for error in failed.values()} == {Refused}
    assert done == {entry.key: entry.revision for entry in backend.db.entries("bulk")}


def test_of_many_writes_those_in_doubt_are_named_and_the_others_are_done(masters: RedisCluster, opened: Open) -> None:
    backend = opened(f"redis-cluster://{masters.hosts}?deadline=2&retries=1")
    backend.db.create_table("doubtful", buckets=16)
    backend.db.put_many("doubtful", {f"key-{number}": 0 for number in range(300)})
    entries = {f"key-{number}": 1 for number in range(300)}
    frozen = masters.nodes[0]

    frozen.freeze()
    try:
        with pytest.raises(PartlyDone) as caught:
            backend.db.put_many("doubtful", entries)
    finally:
        frozen.thaw()
        masters.join()

    failed, done = caught.value.failed, caught.value.done
    assert failed
    assert {type(error) for error in failed.values()} == {OutcomeUnknown}
    assert done.keys() == entries.keys() - failed.keys()
    [*_, error] = failed.values()
    assert isinstance(error, OutcomeUnknown)
    known = resolved(backend.db, error)
    assert done.keys() <= known
    assert known == {entry.key for entry in backend.db.entries("doubtful") if entry.value}


def resolved(db: dfbackends.Database, error: OutcomeUnknown) -> set[str]:
    """Return the keys that were written by a call in doubt."""
    try:
        done = db.resolve(error)
    except PartlyDone as partly:
        return set(partly.done)
    assert error.operation is not None
    return {key for _, key in error.operation.keys} if done else set()


class TestASubscriber:
    def lines(self, server: RedisServer) -> set[str]:
        with server.client() as client:
            return {line["id"] for line in client.client_list() if line["name"] == "dfb-feed"}

    def test_whose_handler_fails_and_who_gets_garbage_stays_on_its_line(self, server: RedisServer, opened: Open) -> None:
        backend = opened(url(server))
        inbox = Inbox()

        def handler(topic: str, data: Any) -> None:
            inbox.on_message(topic, data)
            if data == "fail":
                raise ValueError(data)

        backend.pubsub.subscribe("garbage", handler, on_loss=inbox.on_loss)
        lines = self.lines(server)

        for garbage in (b"", b"\xff\xfe", b"A", b"A 1 2", b"Pnot json", b"C", b"A{x} 1:a b:c {}", b"P" + b"[" * 100_000):
            server.client().publish("dfb:m:/garbage", garbage)
        backend.pubsub.publish("garbage", "fail")
        backend.pubsub.publish("garbage", "after")

        assert inbox.until("after") == ["fail", "after"]
        assert self.lines(server) == lines
        health = backend.pubsub.health()
        assert (health.breaks, health.errors) == (0, 1)
        assert health.malformed >= 7

    def test_whose_line_breaks_again_and_again_is_told_each_time_and_hears_afterwards(
        self, server: RedisServer, opened: Open
    ) -> None:
        backend = opened(url(server))
        inbox = Inbox()
        subscription = backend.pubsub.subscribe("broken", inbox.on_message, on_loss=inbox.on_loss)

        for number in range(3):
            server.ask("CLIENT", "KILL", "TYPE", "pubsub")
            inbox.count(3 * number + 2)
            until(lambda: subscription.live, "the renewal")
            backend.pubsub.publish("broken", number)
            inbox.until(number)

        told = [Reason.DOWN, Reason.RECOVERED]
        assert inbox.story == [*told, 0, *told, 1, *told, 2]

    def test_may_subscribe_by_many_threads_while_messages_arrive(self, server: RedisServer, opened: Open) -> None:
        backend = opened(url(server))
        inbox = Inbox()
        backend.pubsub.subscribe("steady", inbox.on_message, on_loss=inbox.on_loss)
        lines = self.lines(server)

        def subscribe(thread: int) -> None:
            for number in range(25):
                heard = Inbox()
                topic = f"{thread}-{number}"
                with backend.pubsub.subscribe(topic, heard.on_message, on_loss=heard.on_loss):
                    backend.pubsub.publish(topic, number)
                    backend.pubsub.publish("steady", [thread, number])
                    heard.until(number)
                    assert heard.story == [number]

        results = at_once([partial(subscribe, thread) for thread in range(8)])

        assert results == [None] * 8
        assert sorted(inbox.count(200)) == [[thread, number] for thread in range(8) for number in range(25)]
        assert self.lines(server) == lines


AWKWARD = ["*", "p[12]", "p1", "p2", "k}", "{k}", "a\nb", "a:b", "a", "b", "a.b", "\0", "ä€𝄞", "%2A", "\\", "?"]


class TestNames:
    @pytest.fixture
    def backend(self, server: RedisServer, opened: Open, tmp_path: Path) -> dfbackends.Backend:
        return opened(url(server, f"&namespace={tmp_path.name[-20:].strip('_')}"))

    def test_of_tables_topics_and_keys_are_kept_apart(self, backend: dfbackends.Backend) -> None:
        written = {(table, key): f"{table!r} {key!r}" for table in ("a", "a.b", "a:b", "*", "a}") for key in AWKWARD}
        for (table, key), value in written.items():
            backend.db.create(table, key, value, topic=key)

        for (table, key), value in written.items():
            assert backend.db.get(table, key) == value
            assert [entry.key for entry in backend.db.entries(table, topic=key)] == [key]
        for table in ("a", "a.b", "a:b", "*", "a}"):
            assert sorted(entry.key for entry in backend.db.entries(table)) == sorted(AWKWARD)

    def test_of_tables_that_look_like_patterns_drop_that_table_alone(self, backend: dfbackends.Backend) -> None:
        for table in ("l*", "lport", "lswitch", "l?ort", "[l]port"):
            backend.db.put(table, "k", table)

        for table in ("l*", "l?ort", "[l]port"):
            backend.db.drop(table)

        assert [backend.db.get(table, "k") for table in ("lport", "lswitch")] == ["lport", "lswitch"]
        assert set(backend.db.tables()) == {"lport", "lswitch"}

    def test_of_topics_that_look_like_patterns_hear_that_topic_alone(self, backend: dfbackends.Backend) -> None:
        inboxes = {topic: Inbox() for topic in AWKWARD}
        for topic, inbox in inboxes.items():
            backend.pubsub.subscribe(topic, inbox.on_message, on_loss=inbox.on_loss)

        for topic in AWKWARD:
            backend.pubsub.publish(topic, topic)

        assert [inbox.until(topic) for topic, inbox in inboxes.items()] == [[topic] for topic in AWKWARD]
        assert [inbox.story for inbox in inboxes.values()] == [[topic] for topic in AWKWARD]


def test_nodes_that_have_become_replicas_are_left_however_often_that_happens(cluster: RedisCluster, opened: Open) -> None:
    backend = opened(of_cluster(cluster))
    backend.db.put("again", "k", 0)
    home = place(Table("/again", "/again"))
    master = cluster.master_of(home.records)
    replica = next(node for node in cluster.nodes if node.client().info("replication").get("master_port") == master.port)

    def left(server: RedisServer) -> bool:
        backend.db.get("again", "k")  # Where it is, is looked at before a call.
        return server.lines("dfb-data") == 0

    for number in range(1, 4):
        until(lambda: replica.client().info("replication")["master_link_status"] == "up", "the replica")  # noqa: B023
        # The others vote for it once in some seconds only.
        replica.ask("CLUSTER", "FAILOVER", "TAKEOVER")
        until(lambda: not cluster.names(master), "the failover")  # noqa: B023
        backend.db.put("again", "k", number)
        until(lambda: left(master), "the old one to be left")  # noqa: B023
        master, replica = replica, master

    assert backend.db.get("again", "k") == 3
