"""A proxy before a small server, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contract_tests.network.proxy import Proxy
from contract_tests.network.thread import Network
from tests.contract.network.capitals import Client, Upper


@pytest.fixture
def server() -> Iterator[Upper]:
    server = Upper()
    yield server
    server.close()


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as network:
        yield network


@pytest.fixture
def proxy(network: Network, server: Upper) -> Iterator[Proxy]:
    proxy = Proxy(network, server.address)
    yield proxy
    proxy.close()


@pytest.fixture
def client(proxy: Proxy) -> Iterator[Client]:
    client = Client(proxy)
    yield client
    client.socket.close()
