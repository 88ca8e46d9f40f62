"""Servers for a module, and what is opened on them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from dfbackends_redis.testing import RedisCluster, RedisServer, Sentinels
from dfbackends_redis.testing.program import PROGRAM
from tests.servers import opened as opened
from tests.servers import running, skip_without


@pytest.fixture(scope="session", autouse=True)
def _found() -> None:
    skip_without(PROGRAM)


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
    with running(PROGRAM, partial(RedisCluster, replicas=1), tmp_path / "cluster") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def masters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """Three masters alone."""
    with running(PROGRAM, RedisCluster, tmp_path_factory.mktemp("masters")) as cluster:
        yield cluster


@pytest.fixture
def sentinels(tmp_path: Path) -> Iterator[Sentinels]:
    """A master, a replica and three sentinels."""
    with running(PROGRAM, Sentinels, tmp_path / "sentinels") as servers:
        yield servers
