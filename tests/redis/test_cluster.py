"""What a cluster adds: who is asked, who is connected to whom, and what becomes of it when servers go."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from contract_tests.checks.copies import wait_equal
from contract_tests.clients.traffic import Traffic
from contract_tests.servers.node import HOST
from contract_tests.waiting import never
from dfbackends import Reason, Refused, Unavailable
from dfbackends.api import Alive, Change, Key, Message, OpId, Stream, Table, Write
from dfbackends.config import from_url
from dfbackends.opening import opened_driver
from dfbackends.url import parse
from dfbackends_redis.place import place
from dfbackends_redis.testing import RedisCluster, RedisServer
from dfbackends_redis.testing.process import until
from tests.inbox import Inbox
from tests.redis.moving import move_slot, settle_slot
from tests.servers import Open

CROWD = textwrap.dedent(
    """
    import sys, dfbackends
    backends = [dfbackends.open(sys.argv[1], wait=10) for _ in range(10)]
    for number, backend in enumerate(backends):
        backend.pubsub.publish("t", number)
        backend.pubsub.subscribe("t", lambda topic, data: None, on_loss=dfbackends.renew)
    print("ready", flush=True)
    sys.stdin.read()
    """
)


def url(cluster: RedisCluster, more: str = "") -> str:
    return f"redis-cluster://{cluster.hosts}?deadline=10{more}"


def test_all_masters_are_connected_to_when_it_is_opened(masters: RedisCluster, opened: Open) -> None:
    before = [node.lines("dfb-data") for node in masters.nodes]

    opened(url(masters))

    assert [node.lines("dfb-data") for node in masters.nodes] == [lines + 1 for lines in before]


@pytest.mark.timeout(120)
def test_publishers_and_subscribers_are_spread_over_the_servers(cluster: RedisCluster) -> None:
    servers = cluster.nodes[:3]
    crowds = [
        subprocess.Popen([sys.executable, "-c", CROWD, url(cluster)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    try:
        for crowd in crowds:
            assert crowd.stdout is not None
            assert crowd.stdout.readline() == b"ready\n"

        for name in ("dfb-publisher", "dfb-feed"):
            lines = [server.lines(name) for server in servers]
            assert sum(lines) == 30, (name, lines)
            assert all(7 <= count <= 13 for count in lines), (name, lines)

        servers[0].kill()
        others = servers[1:]
        until(lambda: sum(server.lines("dfb-feed") for server in [*others, *running(cluster.nodes[3:])]) == 30, "the move")
    finally:
        for crowd in crowds:
            crowd.kill()
            crowd.communicate()


def running(servers: list[RedisServer]) -> list[RedisServer]:
    return [server for server in servers if server.running]


def test_to_publish_takes_no_longer_for_there_being_several_servers_that_say_nothing(masters: RedisCluster) -> None:
    settings = from_url(parse(f"redis-cluster://{masters.hosts}?timeout=0.5&connect_timeout=0.5"))
    assert settings.pubsub is not None
    pubsub = opened_driver(settings.pubsub, 10.0)
    took = []
    try:
        pubsub.publish([Message("t", b"1")])
        for node in masters.nodes:
            node.freeze()

        for _ in range(3):
            began = time.monotonic()
            with pytest.raises(Exception):  # noqa: B017, PT011 - what it is, the table of errors tells.
                pubsub.publish([Message("t", b"2")])
            took.append(time.monotonic() - began)
    finally:
        for node in masters.nodes:
            node.thaw()
        masters.join()
        pubsub.close()

    assert max(took) < pubsub.timeout + 0.5


def test_buckets_of_a_table_are_on_several_servers(masters: RedisCluster, opened: Open) -> None:
    backend = opened(url(masters))
    backend.db.create_table("wide", buckets=32)

    backend.db.put_many("wide", {f"k{number}": number for number in range(1000)}, topic="a")

    holding = [node for node in masters.nodes if list(node.client().scan_iter(match="dfb:*r:/wide"))]
    assert len(holding) == 3
    assert sorted(entry.value for entry in backend.db.entries("wide")) == list(range(1000))
    assert len(list(backend.db.entries("wide", topic="a"))) == 1000
    backend.db.drop("wide")
    assert not list(backend.db.entries("wide"))


def test_a_mirror_of_a_table_in_buckets_is_current(masters: RedisCluster, opened: Open) -> None:
    backend = opened(url(masters))
    backend.db.create_table("wide-mirror", buckets=8)
    with backend.mirror("wide-mirror", check_interval=1.0) as mirror:
        mirror.wait_synced(10)

        with Traffic([opened(url(masters)).db for _ in range(2)], "wide-mirror", ["", "a"], seed=1):
            # Four comparisons: the masters tell their heads one after the other, while all of them change.
            never(lambda: not mirror.synced, "it is stale", 4.5)
        wait_equal(mirror, backend.db)


def test_slots_that_move_are_followed_and_are_no_failures(masters: RedisCluster, opened: Open) -> None:
    backend = opened(url(masters, "&retries=0"))
    backend.db.put("moving", "k", 1)
    home = place(Table("/moving", "/moving"))
    source = masters.master_of(home.records)
    target = next(node for node in masters.nodes if node is not source)

    # All keys have gone, but the slot has not: the server says ASK, and the other one TRYAGAIN of what names a new key.
    move_slot(source, target, home.slot, 1000)
    assert backend.db.get("moving", "k") == 1
    writing = threading.Thread(target=backend.db.put, args=("moving", "k", 2))
    writing.start()

    # The slot has gone: the server says MOVED.
    settle_slot(masters, target, source, home.slot)
    writing.join()
    assert backend.db.get("moving", "k") == 2
    backend.db.put("moving", "k", 3, topic="a")
    assert [entry.value for entry in backend.db.entries("moving", topic="a")] == [3]
    assert [entry.value for entry in backend.db.entries("moving")] == [3]


def succeeds(call: Callable[[], object]) -> bool:
    try:
        call()
    except Exception:
        return False
    return True


def holder(cluster: RedisCluster, table: str) -> RedisServer:
    return cluster.master_of(place(Table(f"/{table}", f"/{table}")).records)


def test_a_dead_master_is_replaced_and_a_subscriber_told_once(cluster: RedisCluster, opened: Open) -> None:
    backend = opened(f"redis-cluster://{cluster.hosts}?failover=4")
    inbox = Inbox()
    subscription = backend.pubsub.subscribe("t", inbox.on_message, on_loss=inbox.on_loss)
    [listening] = [node for node in cluster.nodes if node.lines("dfb-feed")]
    # What takes over has no replica of its own.
    table = next(name for name in map(str, range(100)) if holder(cluster, name) is not listening)
    backend.db.put(table, "k", 0)

    # With both gone at once there would be no majority of masters left.
    listening.kill()
    inbox.until(Reason.RECOVERED)
    until(lambda: subscription.live, "the renewal")
    until(lambda: not cluster.names(listening), "the failover")
    holding = holder(cluster, table)
    was_listening = holding.lines("dfb-feed") > 0
    holding.kill()
    began = time.monotonic()
    backend.db.put(table, "k", 1)
    took = time.monotonic() - began

    assert took < 1.3 * 1 + 3 + 2
    if was_listening:
        inbox.count(4)
        until(lambda: subscription.live, "the renewal")
    backend.pubsub.publish("t", "after")
    assert inbox.until("after") == [Reason.DOWN, Reason.RECOVERED] * (1 + was_listening) + ["after"]
    assert backend.db.get(table, "k") == 1


def test_a_planned_failover_loses_nothing(cluster: RedisCluster, opened: Open) -> None:
    backend = opened(url(cluster))
    backend.db.put("planned", "k", 0)
    holding = cluster.master_of(place(Table("/planned", "/planned")).records)
    replica = cluster.replica_of(holding)
    written: list[int] = []
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            backend.db.put("planned", f"k{number}", number)
            written.append(number)

    thread = threading.Thread(target=write)
    thread.start()
    replica.ask("CLUSTER", "FAILOVER")
    until(lambda: replica.client().info("replication")["role"] == "master", "the failover")
    count = len(written)
    until(lambda: len(written) > count + 50, "more writes")
    stop.set()
    thread.join()

    assert sorted(entry.value for entry in backend.db.entries("planned") if entry.key != "k") == sorted(written)


def test_a_single_node_of_a_cluster_says_what_is_wrong(masters: RedisCluster, opened: Open) -> None:
    answers = []
    for node in masters.nodes:
        try:
            opened(f"redis://{HOST}:{node.port}?deadline=2", wait=0).db.put("t", "k", 1)
        except Refused as error:
            answers.append(error.code)

    assert set(answers) == {"protocol"}


def test_a_cluster_without_an_owner_for_a_slot_is_unavailable(masters: RedisCluster, opened: Open) -> None:
    backend = opened(f"redis-cluster://{masters.hosts}?deadline=2&retries=0")
    backend.db.put("hole", "k", 1)
    home = place(Table("/hole", "/hole"))
    holding = masters.master_of(home.records)
    try:
        # Its owner first, since what that still claims would be learned again by the others.
        for node in dict.fromkeys((holding, *masters.nodes)):
            node.ask("CLUSTER", "DELSLOTS", home.slot)
        until(lambda: all(node.client().cluster("info")["cluster_state"] == "fail" for node in masters.nodes), "CLUSTERDOWN")

        with pytest.raises(Unavailable) as caught:
            backend.db.put("hole", "k", 2)
        assert caught.value.code == "unreachable"
    finally:
        holding.ask("CLUSTER", "ADDSLOTS", home.slot)
    until(lambda: masters.well, "the cluster")


def test_a_failover_that_loses_writes_is_a_gap_for_who_follows_the_table(cluster: RedisCluster) -> None:
    # The line of who follows stays, since it leads to another server.
    settings = from_url(parse(url(cluster))).db
    db = opened_driver(settings, 10.0)
    try:
        feed = db.watch()
        until(lambda: any(node.lines("dfb-feed") for node in cluster.nodes), "the line")
        [listening] = [node for node in cluster.nodes if node.lines("dfb-feed")]
        table = next(
            found
            for found in (Table(str(number), str(number)) for number in range(100))
            if cluster.master_of(place(found).records) is not listening
        )
        holding = cluster.master_of(place(table).records)
        replica = cluster.replica_of(holding)
        feed.subscribe([Stream(table)])
        events: list[Any] = []
        events += feed.receive(5)
        numbers = iter(range(10_000))

        def hears(holds: Callable[[], bool]) -> bool:
            events.extend(feed.receive(0.1))
            return holds()

        def put() -> int:
            number = next(numbers)
            [revision] = db.write([Write(Key(table, f"k{number}"), b"x" * 20_000)], OpId(f"op-{number}"))
            events.extend(feed.receive(0))
            return int(revision)

        def revisions() -> list[int]:
            return [event.revision for event in events if isinstance(event, Change)]

        put()
        replica.freeze()
        written = {put() for _ in range(800)}
        until(lambda: hears(lambda: revisions()[-1] == max(written)), "all changes")
        holding.kill()
        replica.thaw()
        until(lambda: not cluster.names(holding), "the failover")
        # The client finds out by a call that fails.
        until(lambda: succeeds(lambda: db.read([Key(table, "k0")])), "the new master")
        kept = {record.revision for _, record in db.scan(table)}
        lost = written - kept
        assert lost, "the replica has got all writes: there was nothing to be lost"

        newest = put()

        until(lambda: hears(lambda: revisions()[-1] == newest), "the change")
        confirmed, *changes = [event for event in events if not isinstance(event, Alive)]
        gaps = [one for one, other in pairwise([confirmed, *changes]) if other.prev != one.head]
        assert [event.revision for event in gaps] == [max(written)]
        assert newest > max(written)
        assert changes[-1].head == db.heads([Stream(table)])[0]
    finally:
        feed.close()
        db.close()
