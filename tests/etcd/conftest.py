"""Servers for a module, and what is opened on them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dfbackends.api import Feed, OpId, Position, Table
from dfbackends.config import from_url
from dfbackends.loader import DB, PUBSUB, load
from dfbackends.url import parse
from dfbackends_etcd.db import EtcdDb
from dfbackends_etcd.pubsub import EtcdPubSub
from dfbackends_etcd.testing import EtcdCluster, EtcdServer
from dfbackends_etcd.testing.program import PROGRAM
from tests.embedded import subscribed
from tests.etcd.peer import Peer
from tests.servers import opened as opened
from tests.servers import running, skip_without

OpenDriver = Callable[[str], EtcdDb]
OpenCarrier = Callable[[str], EtcdPubSub]
Listen = Callable[..., Feed[Any, Any]]


@pytest.fixture(scope="session", autouse=True)
def _found() -> None:
    skip_without(PROGRAM)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    """One server; who changes it puts it back."""
    server = EtcdServer(tmp_path_factory.mktemp("etcd") / "server")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[EtcdServer]:
    """One server of the test's own, not started yet."""
    server = EtcdServer(tmp_path / "server")
    yield server
    server.kill()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[EtcdCluster]:
    """Three members, of the test's own."""
    with running(PROGRAM, EtcdCluster, tmp_path / "cluster") as cluster:
        yield cluster


@pytest.fixture
def driver() -> Iterator[OpenDriver]:
    """Open drivers by their URLs, which are closed at the end."""
    drivers: list[EtcdDb] = []

    def open(url: str) -> EtcdDb:  # noqa: A001
        settings = from_url(parse(url))
        found = load(DB, "etcd").open(settings.db.values, settings.patience.deadline)
        assert isinstance(found, EtcdDb)
        drivers.append(found)
        return found

    yield open
    for one in drivers:
        one.close()


@pytest.fixture
def ops() -> Iterator[OpId]:
    """Ids of operations."""
    return (OpId(f"{secrets.token_hex(4)}-{number}") for number in range(10_000))


@pytest.fixture
def carrier() -> Iterator[OpenCarrier]:
    """Open carriers of messages, which are closed at the end."""
    carriers: list[EtcdPubSub] = []

    def open(url: str) -> EtcdPubSub:  # noqa: A001 - that is what it does.
        settings = from_url(parse(url))
        assert settings.pubsub is not None
        found = load(PUBSUB, "etcd").open(settings.pubsub.values, settings.patience.deadline)
        assert isinstance(found, EtcdPubSub)
        carriers.append(found)
        return found

    yield open
    for one in carriers:
        one.close()


@pytest.fixture
def line() -> Iterator[Listen]:
    """Open feeds, which are closed at the end, and subscribe topics on them."""
    feeds: list[Feed[Any, Any]] = []

    def open(begin: Callable[[Position | None], Feed[Any, Any]], *topics: Any, after: Position | None = None) -> Feed[Any, Any]:  # noqa: A001
        feeds.append(begin(after))
        return subscribed(feeds[-1], *topics)

    yield open
    for feed in feeds:
        feed.close()


@pytest.fixture
def pubsub(server: EtcdServer, carrier: OpenCarrier) -> EtcdPubSub:
    return carrier(server.url)


@pytest.fixture
def db(server: EtcdServer, driver: OpenDriver) -> EtcdDb:
    return driver(server.url)


@pytest.fixture
def table(request: pytest.FixtureRequest) -> Table:
    return Table(request.node.name, request.node.name)


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    name: str = request.node.name
    return name


@pytest.fixture
def peer() -> Iterator[Peer]:
    """One that answers as it is told."""
    peer = Peer()
    yield peer
    peer.close()
