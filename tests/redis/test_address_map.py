"""Servers that are announced by other addresses than those by which they are reached."""

from __future__ import annotations

import pytest

import dfbackends
from contract_tests.network.proxy import Proxy
from contract_tests.network.thread import Network
from contract_tests.servers.node import HOST
from dfbackends.errors import ConfigurationError
from dfbackends_redis.testing import RedisCluster, Sentinels


@pytest.mark.parametrize("topology", ["masters", "sentinels"])
def test_nothing_goes_past_the_ways_that_are_given(topology: str, request: pytest.FixtureRequest) -> None:
    group: RedisCluster | Sentinels = request.getfixturevalue(topology)
    ports = [node.port for node in group.nodes]
    with Network() as network:
        proxies = [Proxy(network, (HOST, port)) for port in ports]

        with dfbackends.open(group.url([proxy.port for proxy in proxies], ports)) as backend:
            for number in range(30):
                backend.db.put(f"t{number}", "k", number)
            backend.pubsub.publish("t", 1)

            lines = sum(server.lines("dfb-data") + server.lines("dfb-publisher") for server in group.servers)
            assert lines == sum(proxy.connections for proxy in proxies[: len(group.servers)]) > 1
        for proxy in proxies:
            proxy.close()


@pytest.mark.parametrize("text", ["10.0.0.1:1", "10.0.0.1:1=", "=10.0.0.1:1", "a:1=b:port"])
def test_a_map_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="address_map"):
        dfbackends.open(f"redis-cluster://127.0.0.1:1?address_map={text}")
