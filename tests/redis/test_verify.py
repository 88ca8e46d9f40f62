"""The contract on a cluster, and by Sentinel, as an operator has them; all of it takes ten minutes, and this half a minute."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract_tests.report.conformance import Conformance
from tests.cli.running import run, start


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", ["redis-cluster", "redis-sentinel"])
def test_it_keeps_the_contract(name: str, tmp_path: Path) -> None:
    running = start("verify", name, "--start", "--profile", "quick", "--report", tmp_path / "out")
    out, err = running.communicate(timeout=220)

    assert (running.returncode, err) == (0, ""), out
    assert {"Core: reached", "Concurrent: reached"} <= set(out.splitlines())


def test_a_server_that_is_missing_is_told(tmp_path: Path) -> None:
    result = run("verify", "redis", "--start", env={"DFB_REDIS_SERVER": str(tmp_path / "none")})

    assert result.code == 3
    assert "DFB_REDIS_SERVER names" in result.err


@pytest.mark.parametrize(
    ("name", "nodes", "said"),
    [
        ("redis", 1, 1),
        ("redis-cluster", 1, 3),
        ("redis-cluster", 6, 6),
        ("redis-sentinel", 1, 5),
        ("redis-sentinel", 3, 6),
    ],
)
def test_as_many_servers_are_started_as_are_wanted(name: str, nodes: int, said: int, tmp_path: Path) -> None:
    result = run(
        "verify",
        name,
        "--start",
        "--nodes",
        str(nodes),
        "--case",
        "test_missing_keys_are_not_found",
        "--report",
        tmp_path / "out",
    )

    assert result.code == 0, result.out + result.err
    server = Conformance.read(tmp_path / "out" / "conformance.json").place.server
    assert server.startswith(f"{said} x " if said > 1 else "redis-server"), server
