"""The servers that an operator lets be started, to verify a backend of Redis."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from contract_tests.report.conformance import Conformance
from contract_tests.servers.node import HOST
from dfbackends_redis.testing import RedisServer, SingleServer
from dfbackends_redis.testing.program import PROGRAM
from tests.cli.running import run
from tests.servers import running


def test_a_server_that_is_missing_is_told(tmp_path: Path) -> None:
    result = run("verify", "redis", "--start", env={"DFB_REDIS_SERVER": str(tmp_path / "none")})

    assert result.code == 3
    assert "DFB_REDIS_SERVER names" in result.err


@pytest.mark.parametrize(
    ("name", "nodes", "said"),
    [
        ("redis", 1, 1),
        ("redis-cluster", None, 6),
        ("redis-cluster", 1, 3),
        ("redis-sentinel", None, 5),
        ("redis-sentinel", 3, 6),
    ],
)
def test_as_many_servers_are_started_as_are_wanted(name: str, nodes: int | None, said: int, tmp_path: Path) -> None:
    result = run(
        "verify",
        name,
        "--start",
        *(["--nodes", str(nodes)] if nodes is not None else []),
        "--case",
        "test_missing_keys_are_not_found",
        "--report",
        tmp_path / "out",
    )

    assert result.code == 0, result.out + result.err
    server = Conformance.read(tmp_path / "out" / "conformance.json").place.server
    assert server.startswith(f"{said} x " if said > 1 else "redis-server"), server


def test_servers_whose_port_somebody_else_has_taken_are_started_on_others(tmp_path: Path) -> None:
    made: list[SingleServer] = []

    def make(folder: Path) -> SingleServer:
        made.append(SingleServer(folder))
        if len(made) == 1:
            made[0].nodes[0] = RedisServer(folder / "late", port=other.getsockname()[1])
        return made[-1]

    with socket.create_server((HOST, 0)) as other, running(PROGRAM, make, tmp_path) as server:
        assert server is made[1]
        assert server.nodes[0].ask("PING")
