"""Real input on etcd, by real processes: the IEEE registry of network cards, over 30,000 records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dfbackends_etcd.testing import EtcdServer
from dfbackends_redis.testing import SingleServer
from dfbackends_redis.testing.program import PROGRAM
from tests.cli.copying import checksum
from tests.cli.running import Result, run
from tests.servers import skip_without


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    """A Redis, by its URL."""
    skip_without(PROGRAM)
    server = SingleServer(tmp_path / "redis", "--appendonly", "yes")
    try:
        server.start()
        yield server.url([node.port for node in server.nodes])
    finally:
        server.kill()


@pytest.mark.timeout(300)
def test_the_example_is_copied_from_redis_to_etcd_and_back_with_equal_checksums(
    server: EtcdServer, redis: str, registry: Path
) -> None:
    etcd, back = server.url, f"{redis}?namespace=back"
    count = len(registry.read_bytes().splitlines())
    assert count > 30_000

    assert run("load", "--url", redis, "oui", registry) == Result(0, f"{count} entries loaded into oui\n", "")
    assert run("copy", "--from", redis, "--to", etcd, "oui").code == 0

    [found] = run("get", "--url", etcd, "oui", "00-00-0C", "--json").documents
    assert found["value"]["organisation"].lower().startswith("cisco")
    [listed, expected] = [run("ls", "--url", place, "oui", "--topic", "A4").out.split() for place in (etcd, redis)]
    assert sorted(listed) == sorted(expected)
    assert run("copy", "--from", etcd, "--to", back, "oui").code == 0
    assert checksum(redis, "oui") == checksum(etcd, "oui") == checksum(back, "oui")
    assert run("load", "--url", f"{etcd}namespace=loaded", "oui", registry).code == 0
    assert checksum(f"{etcd}namespace=loaded", "oui") == checksum(etcd, "oui")
