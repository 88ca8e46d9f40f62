"""The example agent, in a process, ends equal to the store, whatever is done to either, and says so while it may not be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dfbackends
from contract_tests.servers.replaced_file import put_in_place, take_away
from contract_tests.waiting import eventually
from tests.cli.running import PATIENCE
from tests.examples.exchange import back_up, made, restore_into
from tests.examples.host import Host
from tests.repository.tree import ROOT

OTHER = {f"other/{number}": {"mac": f"fa:16:3f:00:00:{number:02x}", "host": "hv1"} for number in range(5)}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    yield host
    host.kill()


def test_while_others_write_it_survives_a_wiped_a_restored_and_another_store(host: Host, tmp_path: Path) -> None:
    with host.writer(0) as written:
        written.next()
        backup = back_up(host.store, tmp_path / "backup.db")
        host.start()
        host.says("current")
    host.equals_the_store()

    exchanges: list[Callable[[], None]] = [
        lambda: put_in_place(made(tmp_path, "empty.db", {}, ""), host.store),
        lambda: put_in_place(back_up(backup, tmp_path / "older.db"), host.store),
        lambda: put_in_place(made(tmp_path, "other.db", OTHER, "blue"), host.store),
        lambda: restore_into(backup, host.store),
    ]
    for seed, exchange in enumerate(exchanges, 1):
        with host.writer(seed) as written:
            written.next()
            exchange()
            host.says("stale")
            host.says("current")
            written.next()
        host.equals_the_store()


def test_a_store_that_is_gone_is_told_while_the_data_plane_goes_on(host: Host, tmp_path: Path) -> None:
    with host.writer(1) as written:
        written.next()
    host.start()
    host.says("current")
    host.equals_the_store()
    forwarded = host.forwards()

    backup = back_up(host.store, tmp_path / "backup.db")
    take_away(host.store)
    host.says("stale")
    host.says("no report")

    assert host.stale
    assert host.forwards() == forwarded
    put_in_place(backup, host.store)
    host.says("current")
    host.equals_the_store()


def test_a_store_that_was_removed_and_made_anew_is_empty_and_so_is_the_data_plane(host: Host) -> None:
    with host.writer(1) as written:
        written.next()
    host.start()
    host.says("current")
    take_away(host.store)
    host.says("stale")

    dfbackends.open(host.url).close()
    host.says("current: 0")

    host.equals_the_store()
    assert host.forwards() == {}


def test_killed_and_started_again_it_has_what_was_stored_meanwhile(host: Host) -> None:
    with host.writer(1) as written:
        written.next()
        host.start()
        host.says("current")
        host.kill()
        for _ in range(5):
            written.next()
        host.start()
        host.says("current")
        written.next()

    host.equals_the_store()


def test_found_again_without_its_store_it_forwards_nothing_any_more(host: Host) -> None:
    with host.writer(1) as written:
        written.next()
    host.start()
    host.says("current")
    host.equals_the_store()
    host.kill()
    assert host.forwards()
    take_away(host.store)

    host.start()
    host.says("current: 0")

    host.equals_the_store()
    assert host.forwards() == {}


def test_ended_by_a_signal_it_is_gone_at_once_and_its_data_plane_is_stale(host: Host) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        process = host.start()
        host.says("current")
        began = time.monotonic()

        process.send_signal(number)

        assert process.wait(PATIENCE) == 0
        assert time.monotonic() - began < 5.5
        assert host.stale


def test_ended_during_an_outage_it_is_gone_at_once(host: Host) -> None:
    process = host.start()
    host.says("current")
    take_away(host.store)
    host.says("stale")
    began = time.monotonic()

    process.send_signal(signal.SIGTERM)

    assert process.wait(PATIENCE) == 0
    assert time.monotonic() - began < 5.5


def test_tenants_come_and_go_while_it_runs(host: Host) -> None:
    with host.writer(1) as written:
        written.next()
    host.start()
    host.says("current")
    with dfbackends.open(host.url) as backend:
        for tenants in (["red"], ["red", "blue", "green"], [], ["blue"]):
            backend.db.put("host", "hv1", {"tenants": tenants}, topic="hv1")
            host.says(f"tenants: {', '.join(sorted(tenants))}" if tenants else "tenants: none")
            host.says("current")
            host.equals_the_store(*(tenants or ["nobody"]))
        backend.db.put("host", "hv1", {"tenants": [5]}, topic="hv1")
        host.says("the tenants of this host can not be read")
        host.says("tenants: blue, green")
        backend.db.put("host", "hv1", {"tenants": ["red"]}, topic="hv1")
        host.says("tenants: red")
        backend.db.delete("host", "hv1")
        host.says("tenants: blue, green")
    host.equals_the_store()


def test_what_somebody_did_to_the_data_plane_is_undone_by_a_command(host: Host) -> None:
    with host.writer(1) as written:
        written.next()
    host.start()
    host.says("current")
    host.equals_the_store()
    for flow in list(host.flows.glob("*.flow"))[:3]:
        flow.unlink()
    (host.flows / "intruder.flow").write_text('{"match": "all", "action": "output 1"}')

    with dfbackends.open(host.url) as backend:
        backend.pubsub.publish("agent.hv1", "resync")
    host.says("compared")

    host.equals_the_store()


def test_it_reports_how_it_is(host: Host) -> None:
    host.start()
    host.says("current")
    with dfbackends.open(host.url) as backend:
        eventually(lambda: report(backend).get("state") == "current", "it reports that it is current")
        first = report(backend)
        eventually(lambda: report(backend)["seen"] > first["seen"], "it reports again")
        with pytest.raises(dfbackends.InvalidValue):
            backend.db.put("port", "p", {"mac": "none"}, topic="blue")

    assert (first["tenants"], first["ports"], first["refused"]) == (["blue", "green"], 0, {})


def test_a_port_that_can_not_be_forwarded_is_reported_and_stops_no_other(host: Host) -> None:
    with dfbackends.open(host.url) as backend:
        backend.db.put("port", "bad", ["no", "object"], topic="blue")
        backend.db.put("port", "good", {"mac": "fa:16:3e:00:00:01", "host": "hv1"}, topic="blue")
        host.start()
        host.says("current")
        eventually(lambda: report(backend).get("refused", {}).keys() == {"bad"}, "it is reported")
        backend.db.put("port", "bad", {"mac": "fa:16:3e:00:00:02", "host": "hv2"}, topic="blue")
        eventually(lambda: report(backend)["refused"] == {}, "it is mended")

    host.equals_the_store()


def report(backend: dfbackends.Backend) -> dict[str, Any]:
    try:
        found: dict[str, Any] = backend.db.get("chassis", "hv1")
    except dfbackends.KeyNotFound:
        return {}
    return found


@pytest.mark.parametrize(
    ("line", "reason"),
    [("retrys = 5", "did you mean 'retries'"), ("db = sqllite", "did you mean 'sqlite'"), ("retries = many", "retries")],
)
def test_a_mistake_in_the_configuration_ends_it_with_what_to_do(host: Host, line: str, reason: str) -> None:
    text = (
        host.configuration.read_text().replace("deadline = 3", line)
        if "db" not in line
        else (host.configuration.read_text().replace("db = sqlite", line))
    )
    host.configuration.write_text(text)

    process = host.start()

    assert reason in host.says("agent: ")
    assert process.wait(PATIENCE) == 1


def test_its_sample_lists_its_own_options_and_those_of_the_backends(tmp_path: Path) -> None:
    """Installed as the README says."""
    info = tmp_path / "agent-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: agent\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[oslo.config.opts]\nagent = agent.options:list_opts\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT / "examples")])

    made = subprocess.run(
        [sys.executable, "-m", "oslo_config.generator", "--config-file", ROOT / "examples" / "agent" / "generator.conf"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )

    assert made.returncode == 0, made.stderr
    sample = (tmp_path / "agent.conf.sample").read_text().splitlines()
    for line in ("[agent]", "#host = <None>", "[dfbackends]", "#db = <None>", "[dfbackends_sqlite]", "#path = <None>"):
        assert line in sample, line


def test_it_is_configured_by_the_environment_as_well(host: Host, tmp_path: Path) -> None:
    host.start(OS_DFBACKENDS_SQLITE__PATH=f"{tmp_path}/elsewhere.db", OS_AGENT__TENANTS="red")
    host.says("current")

    with dfbackends.open(f"sqlite:{tmp_path}/elsewhere.db") as backend:
        eventually(lambda: report(backend).get("tenants") == ["red"], "it reports there")
    assert not host.store.exists()
