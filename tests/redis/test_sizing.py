"""What an open backend takes: connections to servers, and threads."""

from __future__ import annotations

import threading
import time
from collections import Counter

import dfbackends
from contract_tests.servers.node import HOST
from dfbackends_redis.testing import RedisCluster, RedisServer
from dfbackends_redis.testing.process import until
from tests.inbox import Inbox
from tests.servers import Open


def lines(servers: list[RedisServer]) -> Counter[str]:
    """Return how many connections of each purpose there are."""
    names = [line["name"] for server in servers for line in server.client().client_list()]
    return Counter(name.removeprefix("dfb-") for name in names if name)


def listen(backend: dfbackends.Backend) -> None:
    inbox = Inbox()
    backend.pubsub.subscribe("t", inbox.on_message, on_loss=inbox.on_loss)
    backend.pubsub.publish("t", 1)
    inbox.until(1)


def threads() -> set[str]:
    """Return what the threads of the backend are for."""
    names = [thread.name.partition("-Redis")[0] for thread in threading.enumerate()]
    return {name.removeprefix("dfbackends-") for name in names if name.startswith("dfbackends-")}


def test_one_server_has_one_connection_of_each_purpose(fresh: RedisServer, opened: Open) -> None:
    fresh.start()
    servers = [fresh]
    backend = opened(f"redis://{HOST}:{fresh.port}")
    assert lines(servers) == {"data": 1}
    assert threads() == set()

    listen(backend)
    until(lambda: lines(servers)["pulse"] == 1, "the proof of life")
    assert lines(servers) == {"data": 1, "publisher": 1, "feed": 1, "pulse": 1}
    assert threads() == {"heartbeats", "handler-1", "reader"}

    with backend.mirror("t") as mirror:
        mirror.wait_synced(5)
        until(lambda: lines(servers)["pulse"] == 2, "the proof of life")
        assert lines(servers) == {"data": 1, "publisher": 1, "feed": 2, "pulse": 2}
        assert threads() == {"heartbeats", "handler-1", "reader", "mirror-t"}


def test_calls_at_the_same_time_have_connections_of_their_own_up_to_the_size_of_the_pool(
    fresh: RedisServer, opened: Open
) -> None:
    fresh.start()
    backend = opened(f"redis://{HOST}:{fresh.port}?pool_size=3")
    stop = threading.Event()

    def write(number: int) -> None:
        while not stop.is_set():
            backend.db.put("busy", str(number), 1)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    try:
        until(lambda: lines([fresh])["data"] == 3, "the pool to be full")
        most = 0
        watched = time.monotonic() + 0.5
        while time.monotonic() < watched:
            most = max(most, lines([fresh])["data"])
    finally:
        stop.set()
        for writer in writers:
            writer.join()

    assert most == 3


def test_a_cluster_has_a_connection_for_data_at_each_master_and_one_of_each_other_purpose(
    masters: RedisCluster, opened: Open
) -> None:
    backend = opened(f"redis-cluster://{masters.hosts}")
    until(lambda: lines(masters.nodes) == {"data": 3}, "what others had open to end")

    listen(backend)

    # Proofs of life come by way of each of the other masters.
    until(lambda: lines(masters.nodes) == {"data": 3, "publisher": 1, "feed": 1, "pulse": 2}, "the proofs of life")
