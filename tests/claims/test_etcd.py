"""What the etcd driver costs beside other clients of etcd (G13), and what an entry takes of the store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.etcd.claims import BESIDE_ETCD3, Least, bytes_an_entry
from benchmarks.etcd.rounds import Bench, Spent
from dfbackends_etcd.testing import EtcdServer
from tests.etcd.conftest import server as server
from tests.figures import Claim

pytestmark = [pytest.mark.claims, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def one(server: EtcdServer) -> Iterator[Bench]:
    """One server, which has what etcd3 lists."""
    bench = Bench(server.url)
    bench.peers["etcd3"].run("fill", 1, Spent())
    yield bench
    bench.close()


@pytest.mark.parametrize("row", BESIDE_ETCD3, ids=lambda row: row.what)
def test_a_server_answers_as_fast_as_promised(row: Least, one: Bench, claim: Claim) -> None:
    claim(row.what, lambda: row.measure(one), at_least=row.bound)


@pytest.mark.parametrize(("topic", "most"), [("", 600), ("tenant-1", 1_100)], ids=["without a topic", "in a topic"])
def test_an_entry_takes_as_much_of_the_store_as_stated(
    one: Bench, server: EtcdServer, topic: str, most: int, claim: Claim
) -> None:
    claim(
        f"an entry of 348 bytes {'in' if topic else 'without'} a topic, in the store",
        lambda: bytes_an_entry(one, server, topic),
        at_most=most,
        unit="bytes",
    )
