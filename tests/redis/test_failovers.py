"""What is promised when servers are killed or stand still under load, measured."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import dfbackends
from dfbackends import BackendError, OutcomeUnknown, Reason
from dfbackends.api import Table
from dfbackends_redis.place import place
from dfbackends_redis.testing import RedisCluster, RedisServer, Sentinels
from dfbackends_redis.testing.process import until
from tests.figures import Claim
from tests.inbox import Inbox
from tests.redis.load import Load, unnoticed

pytestmark = [pytest.mark.claims, pytest.mark.timeout(400)]

RUNS = 5
NODE_TIMEOUT = 1.0
FAILOVER = 1.3 * NODE_TIMEOUT + 3
CONFIGURED = 1.3 * NODE_TIMEOUT + 2
"""What the option says that is recommended."""
DEADLINE = 5.0
FROZEN = 20.0
NOTICED = 3.5
TABLE = "held"


def holder(cluster: RedisCluster) -> RedisServer:
    return cluster.master_of(place(Table(f"/{TABLE}", f"/{TABLE}")).records)


def listening(cluster: RedisCluster) -> RedisServer:
    [server] = [node for node in cluster.nodes if node.running and node.lines("dfb-feed")]
    return server


@contextmanager
def subscribed(url: str) -> Iterator[tuple[dfbackends.Subscription, Inbox]]:
    inbox = Inbox()
    with dfbackends.open(url, wait=10) as backend:
        yield backend.pubsub.subscribe("numbers", inbox.on_message, on_loss=inbox.on_loss), inbox


def survive(folder: Path) -> float:
    """Kill two of five masters, and return how long nothing could be written."""
    # Of three masters the one that is left would be no majority.
    cluster = RedisCluster(folder, masters=5, replicas=1)
    try:
        cluster.start()
        url = f"{cluster.url([node.port for node in cluster.nodes])}?failover={CONFIGURED}&deadline=10"
        with subscribed(url) as (subscription, inbox), dfbackends.open(url) as backend:
            victims = {holder(cluster), listening(cluster)}
            with Load(backend, TABLE, "numbers") as load:
                until(lambda: len(load.done) > 200 and len(inbox.items) > 50, "the load")
                killed = time.monotonic()
                for server in victims:
                    server.kill()
                until(lambda: load.after(killed) is not None, "a write")
                inbox.until(Reason.RECOVERED)
                until(lambda: subscription.live, "the renewal")
                now = load.published
                until(lambda: max(item for item in inbox.story if isinstance(item, int)) > now + 50, "messages")
            took = load.after(killed)
            assert took is not None
            assert listening(cluster) not in victims
            assert [item for item in inbox.story if isinstance(item, Reason)] == [Reason.DOWN, Reason.RECOVERED]
            assert unnoticed(inbox, load) == []
        return took
    finally:
        cluster.kill()


def test_a_cluster_goes_on_when_the_servers_of_a_table_and_of_a_subscriber_are_killed(claim: Claim, tmp_path: Path) -> None:
    folders = (tmp_path / str(number) for number in range(RUNS * 3))

    def worst() -> float:
        took = [survive(next(folders)) for _ in range(RUNS)]
        print("writes went on after", ", ".join(f"{each:.2f}" for each in took), "s")
        return max(took)

    claim(f"cluster, two masters killed: writes go on, the worst of {RUNS}", worst, at_most=FAILOVER, unit="s")


def test_a_server_that_stands_still_leaves_no_call_without_an_outcome(claim: Claim, fresh: RedisServer) -> None:
    fresh.start()
    url = f"redis://127.0.0.1:{fresh.port}?deadline={DEADLINE}"
    with subscribed(url) as (subscription, inbox), dfbackends.open(url) as backend:
        with Load(backend, TABLE, "numbers", writers=4) as load:
            until(lambda: len(load.done) > 200 and len(inbox.items) > 50, "the load")
            froze = time.monotonic()
            fresh.freeze()
            inbox.until(Reason.DOWN, 10)
            noticed = time.monotonic() - froze
            until(lambda: time.monotonic() > froze + FROZEN, "the end of it", FROZEN + 5)
            fresh.thaw()
            thawed = time.monotonic()
            until(lambda: load.after(thawed) is not None, "a write")
            inbox.until(Reason.RECOVERED)
            until(lambda: subscription.live, "the renewal")
            now = load.published
            until(lambda: max(item for item in inbox.story if isinstance(item, int)) > now + 50, "messages")
        longest = max(call.took for call in load.calls)
        print("outcomes:", dict(load.errors), "first write after", f"{load.after(thawed) or 0:.2f} s")
        assert load.done <= {entry.key for entry in backend.db.entries(TABLE)}
        doubts = [call.error for call in load.calls if isinstance(call.error, OutcomeUnknown)]
        kept = {entry.key for entry in backend.db.entries(TABLE)}
        for call in load.calls:
            if isinstance(call.error, OutcomeUnknown):
                assert backend.db.resolve(call.error) == (call.key in kept)
            elif call.error is not None:
                assert call.key not in kept
        print(len(doubts), "in doubt, all of them resolved")
        assert unnoticed(inbox, load) == []

    claim("a server stands still: the subscriber knows", lambda: noticed, at_most=NOTICED, unit="s")
    claim("a server stands still: the longest call", lambda: longest, at_most=DEADLINE + 0.2, unit="s")


class Lost:
    """How many of the writes that were acknowledged are gone, and how many were said to be in doubt."""

    def __init__(self, url: str, kill: Iterator[int]) -> None:
        """Take steps in which servers are killed, each of which tells how many calls are to come after it."""
        with dfbackends.open(url, wait=10) as backend:
            with Load(backend, TABLE, writers=4, size=20_000) as load:
                until(lambda: len(load.done) > 300, "the load")
                for calls in kill:
                    before = len(load.calls)
                    until(lambda least=before + calls: len(load.calls) >= least, "more calls", 30)  # type: ignore[misc]
                until(lambda: _answers(backend), "the new master", 30)
            kept = {entry.key for entry in backend.db.entries(TABLE)}
        self.acknowledged = len(load.done)
        self.lost = len(load.done - kept)
        self.doubtful = sum(isinstance(call.error, OutcomeUnknown) for call in load.calls)


def _answers(backend: dfbackends.Backend) -> bool:
    try:
        backend.db.tables()
    except BackendError:
        return False
    return True


@pytest.mark.parametrize("durability", ["ack", "replicated"])
@pytest.mark.parametrize("lagging", [False, True], ids=["prompt", "lagging"])
@pytest.mark.parametrize("topology", ["cluster", "sentinel"])
def test_what_a_failover_takes_back(claim: Claim, tmp_path: Path, topology: str, lagging: bool, durability: str) -> None:
    group = RedisCluster(tmp_path, replicas=1) if topology == "cluster" else Sentinels(tmp_path)
    try:
        group.start()
        if isinstance(group, RedisCluster):
            master = holder(group)
            replica = group.replica_of(master)
        else:
            master = group.master
            [replica] = [server for server in group.servers if server is not master]

        def kill() -> Iterator[int]:
            if lagging:
                replica.freeze()
                # More than the buffers on the way to it hold.
                yield 4 if durability == "replicated" else 1000
            master.kill()
            replica.thaw()
            yield 4

        url = group.url([node.port for node in group.nodes])
        lost = Lost(f"{url}?failover={FAILOVER}&deadline=8&durability={durability}", kill())
    finally:
        group.kill()

    what = f"{topology}, {'a replica that lags' if lagging else 'a replica that keeps up'}, durability {durability}"
    print(f"{what}: {lost.lost} of {lost.acknowledged} acknowledged writes lost, {lost.doubtful} were in doubt")
    if durability == "replicated":
        claim(f"{what}: acknowledged writes that are lost", lambda: lost.lost, at_most=0)
        assert lost.doubtful > 0
    elif lagging:
        # This is what the other durability is for.
        claim(f"{what}: acknowledged writes that are lost", lambda: lost.lost, at_least=1)
