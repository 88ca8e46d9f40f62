"""Real input on a cluster, by real processes: the IEEE registry of network cards, over 30,000 records."""

from __future__ import annotations

from pathlib import Path

import pytest

import dfbackends
from dfbackends_redis.testing import RedisCluster
from tests.cli.copying import checksum
from tests.cli.running import Result, run


@pytest.fixture(scope="module")
def url(masters: RedisCluster) -> str:
    for node in masters.nodes:
        node.ask("CONFIG", "SET", "appendonly", "yes")
    return f"redis-cluster://{masters.hosts}"


@pytest.mark.timeout(180)
def test_the_example_runs_on_a_cluster_and_is_copied_there_and_back_with_equal_checksums(
    url: str, registry: Path, tmp_path: Path
) -> None:
    file, back, across = (f"sqlite:{tmp_path / name}.db" for name in ("file", "back", "across"))
    count = len(registry.read_bytes().splitlines())
    assert count > 30_000

    assert run("load", "--url", file, "oui", registry) == Result(0, f"{count} entries loaded into oui\n", "")
    with dfbackends.open(url) as backend:
        backend.db.create_table("oui", buckets=16)
    assert run("load", "--url", url, "oui", registry) == Result(0, f"{count} entries loaded into oui\n", "")

    [found] = run("get", "--url", url, "oui", "00-00-0C", "--json").documents
    assert found["value"]["organisation"].lower().startswith("cisco")
    [listed, expected] = [run("ls", "--url", place, "oui", "--topic", "A4").out.split() for place in (url, file)]
    assert sorted(listed) == sorted(expected)
    assert checksum(url, "oui") == checksum(file, "oui")

    assert run("copy", "--from", url, "--to", back, "oui").code == 0
    assert run("copy", "--from", file, "--to", f"{url}?namespace=copied", "oui").code == 0
    assert run("copy", "--from", f"{url}?namespace=copied", "--to", across, "oui").code == 0
    assert (
        checksum(file, "oui") == checksum(back, "oui") == checksum(f"{url}?namespace=copied", "oui") == checksum(across, "oui")
    )
