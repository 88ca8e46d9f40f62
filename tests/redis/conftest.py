"""Servers for a module, and what is opened on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

import dfbackends
from dfbackends_redis.testing import RedisCluster, RedisServer, Sentinels
from tests.redis.servers import HOW, MISSING, running

Open = Callable[..., dfbackends.Backend]


@pytest.fixture(scope="session", autouse=True)
def _found() -> None:
    if MISSING:
        pytest.skip(HOW)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server; who changes its settings puts them back."""
    server = RedisServer(tmp_path_factory.mktemp("redis") / "server")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[RedisServer]:
    """One server of the test's own, not started yet."""
    server = RedisServer(tmp_path / "server")
    yield server
    server.kill()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[RedisCluster]:
    """Three masters with a replica each, of the test's own."""
    with running(partial(RedisCluster, replicas=1), tmp_path / "cluster") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def masters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """Three masters alone."""
    with running(RedisCluster, tmp_path_factory.mktemp("masters")) as cluster:
        yield cluster


@pytest.fixture
def sentinels(tmp_path: Path) -> Iterator[Sentinels]:
    """A master, a replica and three sentinels."""
    with running(Sentinels, tmp_path / "sentinels") as servers:
        yield servers


@pytest.fixture
def opened() -> Iterator[Open]:
    """Open backends by their URLs; they are closed at the end."""
    backends: list[dfbackends.Backend] = []

    def open(url: str, *, wait: float = 5.0) -> dfbackends.Backend:  # noqa: A001 - that is what it does.
        backends.append(dfbackends.open(url, wait=wait))
        return backends[-1]

    yield open
    for backend in backends:
        backend.close()
