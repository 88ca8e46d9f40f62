"""The contract on three members, as an operator has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract_tests.report.conformance import Conformance
from tests.cli.running import run, start


@pytest.mark.timeout(300)
def test_three_members_keep_the_contract(tmp_path: Path) -> None:
    arguments = ("verify", "etcd", "--start", "--nodes", "3", "--profile", "quick")
    running = start(*arguments, "--report", tmp_path / "out")
    out, err = running.communicate(timeout=280)

    assert (running.returncode, err) == (0, ""), out
    assert {"Core: reached", "Concurrent: reached"} <= set(out.splitlines())


def test_a_server_that_is_missing_is_told(tmp_path: Path) -> None:
    result = run("verify", "etcd", "--start", env={"DFB_ETCD": str(tmp_path / "none")})

    assert result.code == 3
    assert "DFB_ETCD names" in result.err


@pytest.mark.parametrize("nodes", [1, 3])
def test_as_many_members_are_started_as_are_wanted(nodes: int, tmp_path: Path) -> None:
    wanted = ("--nodes", str(nodes), "--case", "test_missing_keys_are_not_found")

    result = run("verify", "etcd", "--start", *wanted, "--report", tmp_path / "out")

    assert result.code == 0, result.out + result.err
    server = Conformance.read(tmp_path / "out" / "conformance.json").place.server
    assert server.startswith(f"{nodes} x " if nodes > 1 else "etcd"), server
