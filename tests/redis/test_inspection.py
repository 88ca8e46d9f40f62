"""What the settings of servers take away is told: all of it by check, the worst when a backend is opened."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import dfbackends
from contract_tests.servers.node import HOST
from dfbackends.api import Finding
from dfbackends_redis.inspection import State, findings
from dfbackends_redis.testing import RedisCluster, RedisServer, Sentinels
from dfbackends_redis.testing.process import until
from tests.cli.running import run
from tests.servers import Open

Start = Callable[..., RedisServer]

DURABLE = ("--appendonly", "yes")


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Start]:
    """Start a server with settings; the one of the test."""
    servers: list[RedisServer] = []

    def start(*settings: str) -> RedisServer:
        servers.append(RedisServer(tmp_path / f"server-{len(servers)}", *settings))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


def url(server: RedisServer, more: str = "", login: str = "") -> str:
    return f"redis://{login}{HOST}:{server.port}?{more}"


def told(backend: dfbackends.Backend) -> list[Finding]:
    """Return what is found, without the addresses."""
    return [finding._replace(text=re.sub(r"^[\d.:, ]+: ", "", finding.text)) for finding in backend.findings()]


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "dfbackends.opening"]


def test_a_server_that_is_set_up_well_is_no_matter(started: Start, caplog: pytest.LogCaptureFixture) -> None:
    server = started(*DURABLE)

    result = run("check", "--url", url(server), "--json")

    [document] = result.documents
    assert (result.code, document["warnings"]) == (0, [])
    with dfbackends.open(url(server)):
        assert logged(caplog) == []


def test_a_server_that_evicts_is_told_of_when_it_is_opened(
    started: Start, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    server = started(*DURABLE, "--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru")

    backend = opened(url(server))
    for number in range(3):
        backend.db.put("t", "k", number)
        backend.pubsub.publish("t", number)

    [line] = logged(caplog)
    assert line.startswith(f"redis: {HOST}:{server.port}: when its memory is full")
    assert "set maxmemory-policy to noeviction, not volatile-lru" in line


def test_a_server_that_keeps_nothing_is_told_of_when_it_is_opened(
    started: Start, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    opened(url(started()))

    [line] = logged(caplog)
    assert "it keeps nothing on disk" in line


def test_snapshots_alone_are_a_matter_for_check(started: Start, opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    server = started()
    server.ask("CONFIG", "SET", "save", "3600 1")

    [finding] = told(opened(url(server)))

    assert "after the last snapshot" in finding.text
    assert logged(caplog) == []


def test_a_deadline_without_time_for_the_failover_is_told_of_when_it_is_opened(
    started: Start, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    opened(url(started(*DURABLE), "failover=9&deadline=10"))

    [line] = logged(caplog)
    assert "set deadline to 11 or more" in line


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("0 0 0", "one slow subscriber can fill its memory"),
        ("1048576 0 0", "1048576 bytes behind"),
        ("33554432 8388608 60", ""),
    ],
)
def test_a_buffer_of_subscribers_that_is_too_large_or_too_small_is_told_of(
    started: Start, opened: Open, limit: str, said: str
) -> None:
    server = started(*DURABLE)
    server.ask("CONFIG", "SET", "client-output-buffer-limit", f"pubsub {limit}")

    found = [finding.text for finding in told(opened(url(server)))]

    assert [said in text for text in found] == [True] * bool(said)


def test_who_may_not_look_is_told_so_and_still_sees_what_info_says(
    started: Start, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    server = started("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    server.ask("ACL", "SETUSER", "some", "on", ">secret", "~*", "&*", "+@all", "-config")
    server.ask("ACL", "SETUSER", "less", "on", ">secret", "~*", "&*", "+@all", "-config", "-info")

    some, less = (told(opened(url(server, login=f"{user}:secret@"))) for user in ("some", "less"))

    evicts, persistence, rights = some
    assert evicts.grave
    assert "without an append-only file" in persistence.text
    assert "no right to CONFIG GET" in rights.text
    assert [("+info" in finding.text, finding.grave) for finding in less] == [(True, False)]
    assert len(logged(caplog)) == 1


def test_masters_of_a_cluster_without_replicas_and_with_a_long_failover_are_told_of_once(
    masters: RedisCluster, opened: Open
) -> None:
    backend = opened(f"redis-cluster://{masters.hosts}?failover=3")

    texts = [finding.text for finding in backend.findings()]

    persistence, replicas, failover = texts
    assert all(f"{HOST}:{node.port}" in persistence for node in masters.nodes)
    assert "it keeps nothing on disk" in persistence
    assert "no replica" in replicas
    assert "a failover takes 3.3 s, and the option failover says 3: set failover to 3.3, and deadline to 5.3" in failover


def test_a_master_that_takes_writes_without_its_replicas_is_told_of(sentinels: Sentinels, opened: Open) -> None:
    backend = opened(f"redis-sentinel://{sentinels.hosts}/{sentinels.service}")
    before = [finding.text for finding in told(backend)]

    sentinels.master.ask("CONFIG", "SET", "min-replicas-to-write", "1")
    until(lambda: "min_slaves_good_slaves" in sentinels.master.client().info("replication"), "the setting")

    after = [finding.text for finding in told(backend)]
    assert ["min-replicas-to-write" in text for text in before] == [False, True]
    assert ["min-replicas-to-write" in text for text in after] == [False]


def test_sentinels_that_wait_longer_than_the_option_says_are_told_of_when_it_is_opened(
    sentinels: Sentinels, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"redis-sentinel://{sentinels.hosts}/{sentinels.service}?failover="
    said = (
        "with its down-after-milliseconds a failover takes 4 s, and the option failover says 3: set failover to 4, and deadline"
    )

    short, enough = (told(opened(f"{url}{failover}")) for failover in (3, 4))

    assert [finding.grave for finding in short if said in finding.text] == [True]
    assert not [finding for finding in enough if "down-after" in finding.text]
    assert len([line for line in logged(caplog) if said in line]) == 1


def test_what_sentinels_do_not_tell_is_told(sentinels: Sentinels, opened: Open) -> None:
    backend = opened(f"redis-sentinel://{sentinels.hosts}/{sentinels.service}")
    for sentinel in sentinels.sentinels[1:]:
        sentinel.kill()

    def of_sentinels() -> list[str]:
        return [finding.text for finding in told(backend) if "down-after" in finding.text]

    assert of_sentinels() == []
    sentinels.sentinels[0].kill()
    assert of_sentinels() == ["down-after-milliseconds could not be looked at: no sentinel answers"]


def test_a_version_that_is_too_old_is_told_of(started: Start) -> None:
    """By what a server of today tells, but for the number: one that is too old is installed nowhere."""
    info = {name: str(value) for name, value in started(*DURABLE).client().info().items()}

    def versions(number: str) -> list[str]:
        return [
            finding.text
            for finding in findings(State(info | {"redis_version": number}, None, 0.0))
            if "version" in finding.text
        ]

    assert versions("6.2.0") == versions("10.0.1") == []
    assert versions("6.0.16") == ["version 6.0.16 is older than 6.2, the oldest that is tested"]


def test_check_lists_all_of_it(started: Start) -> None:
    server = started("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    server.ask("CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0")

    result = run("check", "--url", url(server, "failover=9&deadline=10"), "--json")

    [document] = result.documents
    assert result.code == 1
    parts = ["set deadline to 11", "when its memory is full", "keeps nothing on disk", "no replica", "one slow subscriber"]
    assert [part in warning for part, warning in zip(parts, document["warnings"], strict=True)] == [True] * 5
    assert "WARNING" not in result.err
