"""What is told over the death of servers: everything, once, in order."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from contract_tests.waiting import FACTOR
from dfbackends import Reason
from dfbackends_etcd.testing import EtcdCluster, EtcdServer
from tests.cli.following import Lines
from tests.cli.running import start
from tests.etcd.load import Writer, over
from tests.figures import Claim
from tests.servers import Open

TIMES = 3
AT_MOST = 4.0
"""Seconds that a call may take while another member becomes the leader; twice that where others use the machine."""

pytestmark = pytest.mark.timeout(180)


def test_a_writer_at_full_speed_over_three_kills_of_the_server(fresh: EtcdServer, opened: Open) -> None:
    fresh.start()
    with over(fresh.url, opened) as (writer, told):
        for _ in range(TIMES):
            fresh.kill()
            fresh.start()
            writer.goes_on()

    # One that follows soon may come before the line is there again.
    assert told.reasons in ([Reason.DOWN, Reason.RESUMED] * outages for outages in range(1, TIMES + 1))


def kill(cluster: EtcdCluster, writer: Writer) -> None:
    """Kill the leader, and start it again when the others have gone on without it."""
    leader = cluster.leader
    leader.kill()
    writer.goes_on()
    leader.start()
    cluster.join()


def freeze(cluster: EtcdCluster, writer: Writer) -> None:
    """Freeze the leader until the others have gone on without it."""
    with cluster.leader.freezing():
        writer.goes_on()
    cluster.join()


HARMS = pytest.mark.parametrize("harm", [kill, freeze], ids=["killed", "frozen"])


def longest(cluster: EtcdCluster, opened: Open, harm: Callable[[EtcdCluster, Writer], None]) -> float:
    """Harm the leader, three times; return how long a call took at most. Everything was told, and nothing failed."""
    with over(cluster.url, opened) as (writer, _):
        for _ in range(TIMES):
            harm(cluster, writer)
    return writer.longest


@HARMS
def test_a_leader_that_is_lost_costs_nothing_that_was_acknowledged_or_told(
    cluster: EtcdCluster, opened: Open, harm: Callable[[EtcdCluster, Writer], None]
) -> None:
    assert longest(cluster, opened, harm) < 2 * AT_MOST * FACTOR


@pytest.mark.claims
@HARMS
def test_a_leader_that_is_lost_costs_a_call_as_much_as_stated(
    tmp_path: Path, opened: Open, harm: Callable[[EtcdCluster, Writer], None], claim: Claim
) -> None:
    folders = (tmp_path / str(number) for number in count())

    def measure() -> float:
        cluster = EtcdCluster(next(folders))
        try:
            cluster.start()
            return longest(cluster, opened, harm)
        finally:
            cluster.kill()

    claim(f"the leader of three is lost ({harm.__name__}), the longest call", measure, at_most=AT_MOST, unit="s")


def test_a_leader_that_hands_over_breaks_no_line(cluster: EtcdCluster, opened: Open) -> None:
    with over(cluster.url, opened) as (writer, told):
        cluster.failover()
        writer.goes_on()

    # What was under way may be lost, and is waited for in vain.
    assert writer.longest < 2 * AT_MOST * FACTOR
    assert told.reasons == []


def test_the_command_watch_tells_everything_once_over_a_restart(fresh: EtcdServer, opened: Open) -> None:
    fresh.start()
    url = f"{fresh.url}deadline=40&retries=20"
    found: list[tuple[str, str, int]] = []
    with start("watch", "--url", url, "--json", "t") as process:
        told = Lines(process.stdout)
        assert told.document() == {"state": "synced"}
        with Writer(opened(url)) as writer:
            writer.goes_on()
            fresh.kill()
            fresh.start()
            writer.goes_on()
        while len(found) < len(writer.written):
            line = told.document()
            if "change" in line:
                found.append((line["change"], line["key"], line["revision"]))
        process.kill()

    assert writer.errors == []
    assert found == [("added", key, revision) for key, revision in writer.written]
