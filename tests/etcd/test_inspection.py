"""What the settings of members take away is told: all of it by check, the worst when a backend is opened."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import dfbackends
from contract_tests.servers.node import HOST, free_port
from contract_tests.waiting import eventually
from dfbackends_etcd.inspection import Cluster, State, cluster_findings, findings
from dfbackends_etcd.metrics import COMPACTED, QUOTA, REVISION
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.testing import EtcdCluster, EtcdServer
from tests.cli.running import run
from tests.servers import Open

PLAIN = {QUOTA: 1e9, REVISION: 500.0, COMPACTED: -1.0}


def told(backend: dfbackends.Backend) -> list[str]:
    """Return what is found, without the addresses."""
    return [re.sub(r"^[\d.:, ]+: ", "", finding.text) for finding in backend.findings()]


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "dfbackends.opening"]


def test_a_member_that_is_set_up_well_is_no_matter(fresh: EtcdServer, opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    fresh.start()

    backend = opened(fresh.url)

    [document] = run("check", "--url", fresh.url, "--json").documents
    known = [text for text in told(backend) if not text.startswith("version")]
    assert known == []
    assert [text for text in document["warnings"] if "version" not in text] == []


def test_three_members_are_well_and_one_that_is_dead_is_told_of(cluster: EtcdCluster, opened: Open) -> None:
    backend = opened(cluster.url)
    assert [text for text in told(backend) if not text.startswith("version")] == []

    cluster.nodes[1].kill()

    assert f"{HOST}:{cluster.nodes[1].port}: it does not answer" in [finding.text for finding in backend.findings()]


def test_members_that_are_not_named_are_told_of(cluster: EtcdCluster, opened: Open) -> None:
    backend = opened(cluster.nodes[0].url)

    assert "it has 3 members, of which hosts names 1: name all, so that a dead one is passed over" in told(backend)


def test_a_quota_that_is_nearly_and_one_that_is_wholly_used_up_are_told_of(tmp_path: Path, opened: Open) -> None:
    server = EtcdServer(tmp_path / "small", "--quota-backend-bytes", "10000000")
    server.start()
    try:
        backend = opened(server.url)
        for number in range(27):
            backend.db.put("t", str(number), "x" * 300_000)
        said = "of the 10000000 bytes of its quota are used"
        # A member counts what it has stored a moment later.
        eventually(lambda: any(said in text for text in told(backend)), "the quota is nearly used up")

        with pytest.raises((dfbackends.Refused, dfbackends.PartlyDone)):
            backend.db.put_many("u", {str(number): "x" * 700_000 for number in range(60)})
        said = "its quota is used up, and it takes no writes: compact and defragment it, then disarm the alarm"
        eventually(lambda: said in told(backend), "the quota is used up")
    finally:
        server.kill()


def test_a_user_that_nobody_asks_for_is_told_of(server: EtcdServer, opened: Open) -> None:
    backend = opened(f"etcd://me:hidden@{HOST}:{server.port}")

    [text] = [text for text in told(backend) if not text.startswith("version")]
    assert text.startswith("it lets everybody in")


def test_more_operations_than_members_take_are_told_of(server: EtcdServer, opened: Open) -> None:
    assert any("fewer operations than max_txn_ops says" in text for text in told(opened(f"{server.url}max_txn_ops=129")))
    assert not any("max_txn_ops" in text for text in told(opened(f"{server.url}max_txn_ops=128")))


def test_a_member_that_does_not_answer_costs_a_second_of_opening(server: EtcdServer, opened: Open) -> None:
    backend = opened(f"etcd://{HOST}:{server.port},{HOST}:{free_port()}")

    assert any(text == "it does not answer" for text in told(backend))


@pytest.mark.parametrize(
    ("version", "said", "grave"),
    [
        ("3.3.27", "is older than 3.4, the oldest that is tested", False),
        ("3.4.23", "", False),
        ("3.5.0", "can lose writes that were acknowledged", True),
        ("3.5.2", "install 3.5.3 or later", True),
        ("3.5.16", "", False),
        ("3.6.0-rc.1", "", False),
    ],
)
def test_versions_that_lose_writes_are_grave(version: str, said: str, grave: bool) -> None:
    found = findings(State(version, 1, PLAIN))

    assert [(said in finding.text, finding.grave) for finding in found] == ([(True, grave)] if said else [])


def test_a_history_that_is_never_compacted_is_told_of_when_it_is_long() -> None:
    def kept(revision: float, compacted: float) -> list[str]:
        return [finding.text for finding in findings(State("3.4.23", 1, {**PLAIN, REVISION: revision, COMPACTED: compacted}))]

    assert kept(99_000, -1) == []
    assert kept(5_000_000, 4_950_000) == []
    [text] = kept(150_000, -1)
    assert text.startswith("it keeps the last 150000 changes")


def test_what_may_not_be_looked_at_is_told_of() -> None:
    found = [finding.text for finding in findings(State("3.4.23", 1, None))]
    found += [finding.text for finding in cluster_findings(Cluster(None, None, 1, True, False))]

    assert [text.partition(" could not be looked at")[0] for text in found] == [
        "how much it may store",
        "alarms",
        "the list of members",
    ]


def test_members_that_differ_are_grave() -> None:
    alarm = rpc.AlarmMember(memberID=1, alarm=2)

    [finding] = cluster_findings(Cluster([alarm], 3, 3, True, False))

    assert finding.grave
    assert "do not hold the same" in finding.text


def test_an_even_number_of_members_is_told_of() -> None:
    [finding] = cluster_findings(Cluster([], 4, 4, True, False))

    assert finding.text == "4 members survive no more failures than 3 do: add one, or remove one"
