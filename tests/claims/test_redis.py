"""What the Redis drivers cost beside redis-py (G1 to G12), and what a client keeps open."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.redis import claims, entries, messages
from benchmarks.redis.rounds import Bench
from contract_tests.servers.node import HOST
from dfbackends_redis.testing import RedisCluster, RedisServer
from tests.figures import Claim
from tests.redis.conftest import masters as masters
from tests.redis.conftest import server as server

pytestmark = [pytest.mark.claims, pytest.mark.timeout(300)]

# One for the data, one to publish, one to be told: a subscriber alone keeps the line on which it proves that it is alive.
IDLE_CONNECTIONS = 3
IDLE_THREADS = 3
READERS = 16


@pytest.fixture(scope="module")
def one(server: RedisServer) -> Iterator[Bench]:
    """One server."""
    bench = Bench(f"redis://{HOST}:{server.port}")
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def cluster(masters: RedisCluster) -> Iterator[Bench]:
    """Three masters."""
    bench = Bench(f"redis-cluster://{masters.hosts}")
    yield bench
    bench.close()


def hold(claim: Claim, row: claims.Least | claims.Most, bench: Bench) -> None:
    if isinstance(row, claims.Least):
        claim(row.what, lambda: row.measure(bench), at_least=row.bound)
    else:
        claim(row.what, lambda: row.measure(bench), at_most=row.bound, unit=row.unit)


@pytest.mark.parametrize("row", claims.ON_ONE_SERVER, ids=lambda row: row.what)
def test_a_server_answers_as_fast_as_promised(row: claims.Least | claims.Most, one: Bench, claim: Claim) -> None:
    hold(claim, row, one)


@pytest.mark.parametrize("row", claims.ON_A_CLUSTER, ids=lambda row: row.what)
def test_a_cluster_answers_as_fast_as_promised(row: claims.Least | claims.Most, cluster: Bench, claim: Claim) -> None:
    hold(claim, row, cluster)


def test_a_cluster_costs_the_client_little_more_than_a_server(cluster: Bench, one: Bench, claim: Claim) -> None:
    claim("G2 cluster, client for a get beside one server", lambda: entries.cost_on_cluster(cluster, one), at_most=1.38)


def test_a_table_is_listed_at_the_cost_of_what_it_holds(one: Bench, claim: Claim) -> None:
    for row in claims.on_a_table(entries.Listed(one)):
        hold(claim, row, one)


def test_an_idle_client_keeps_little(one: Bench, claim: Claim) -> None:
    kept = messages.Kept(one)

    claim("connections of an idle client with a subscription", lambda: kept.idle()[0], at_most=IDLE_CONNECTIONS)
    claim("threads of an idle client with a subscription", lambda: kept.idle()[1], at_most=IDLE_THREADS)


def test_a_busy_client_has_a_connection_for_each_thread_at_most(one: Bench, claim: Claim) -> None:
    kept = messages.Kept(one)

    claim("connections of a client with 16 threads at work", lambda: kept.busy(READERS), at_most=READERS + 1)
