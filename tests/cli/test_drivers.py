"""What the command line tells of the drivers that are installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfbackends.api import CONTRACT
from tests.cli.plugged import POOR, plugged
from tests.cli.running import run

ACME = (
    POOR
    + """
import dataclasses
late = dataclasses.replace(db, contract=99)
none = 5
def connecting(settings, deadline):
    open("connected", "w").close()
curious = dataclasses.replace(db, open=connecting)
"""
)
POINTS = """
poor = acme:db
late = acme:late
none = acme:none
curious = acme:curious
absent = acme_that_is_missing:db
failing = failing:db
leaving = leaving:db
"""


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """Drivers of another package: two that work, and each way to be broken."""
    (tmp_path / "failing.py").write_text("raise RuntimeError('two\\nlines')\n")
    (tmp_path / "leaving.py").write_text("raise SystemExit(5)\n")
    return plugged(tmp_path, "acme-store", "acme", ACME, db=POINTS, pubsub="silent = acme:db")


def test_each_part_has_its_distribution_contract_abilities_and_limits() -> None:
    found = {(driver["name"], driver["kind"]): driver for driver in run("drivers", "--json").documents}

    sqlite = found["sqlite", "db"]
    assert (sqlite["distribution"], sqlite["contract"], sqlite["error"]) == ("dfbackends", CONTRACT, None)
    assert (sqlite["capabilities"], sqlite["lacks"]) == (["Transactional", "Watching"], {})
    assert sqlite["limits"] == {"name": 512, "topic": 256, "value": 1 << 20, "commit": 1000}
    assert found["memory", "pubsub"]["limits"] == {"topic": 256, "message": 1 << 20}
    assert found["memory", "pubsub"]["lacks"] == {}


def test_what_is_not_installed_is_not_claimed(tmp_path: Path) -> None:
    hidden = plugged(tmp_path, "dfbackends_etcd", "empty", "")  # Stands before the one that is installed.

    assert "etcd" in {driver["name"] for driver in run("drivers", "--json").documents}
    assert "etcd" not in {driver["name"] for driver in run("drivers", "--json", env=hidden).documents}


def test_what_a_driver_can_not_do_is_told_with_what_that_means(installed: dict[str, str]) -> None:
    found = {(driver["name"], driver["kind"]): driver for driver in run("drivers", "--json", env=installed).documents}
    text = run("drivers", env=installed)

    poor = found["poor", "db"]
    assert (poor["distribution"], poor["version"], poor["capabilities"]) == ("acme-store", "1.5", [])
    assert set(poor["lacks"]) == {"Transactional", "Watching", "pubsub"}
    assert "mirrors poll" in poor["lacks"]["Watching"]
    assert poor["limits"] == {"name": 200, "topic": 100, "value": 65536, "commit": 16}
    block = text.out.partition("poor (db): acme-store 1.5, contract 1\n")[2].splitlines()
    assert [line.strip() for line in block[:4]] == [
        *poor["lacks"].values(),
        "limits: name 200, topic 100, value 65536, commit 16",
    ]


def test_what_is_broken_is_told_with_its_reason_and_breaks_no_other(installed: dict[str, str]) -> None:
    result = run("drivers", "--json", env=installed)

    broken = {driver["name"]: driver for driver in result.documents if driver["error"] is not None}
    assert result.code == 0
    assert {name: driver["contract"] for name, driver in broken.items()} == {
        "absent": None, "failing": None, "late": 99, "leaving": None, "none": None, "silent": 1,
    }  # fmt: skip
    for name, reason in {
        "absent": "ModuleNotFoundError: No module named 'acme_that_is_missing'",
        "failing": "RuntimeError: two",
        "late": "was written for version 99 of the contract",
        "leaving": "SystemExit: 5",
        "none": "no dfbackends.api.Driver for the group dfbackends.db",
        "silent": "no dfbackends.api.Driver for the group dfbackends.pubsub",
    }.items():
        assert reason in broken[name]["error"]
        assert "acme-store 1.5" in broken[name]["error"]
        assert (broken[name]["capabilities"], broken[name]["lacks"], broken[name]["limits"]) == ([], {}, None)


def test_text_has_the_reason_on_one_line_below_the_name(installed: dict[str, str]) -> None:
    text = run("drivers", env=installed)

    lines = text.out.splitlines()
    reason = lines[lines.index("failing (db): acme-store 1.5") + 1]
    assert reason == "  broken: the backend 'failing' of acme-store 1.5 is broken: RuntimeError: two lines"
    assert "sqlite (db): dfbackends " in text.out


def test_nothing_is_opened(installed: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()

    result = run("drivers", env=installed, cwd=folder)

    assert "curious (db): acme-store 1.5, contract 1\n" in result.out
    assert list(folder.iterdir()) == []


def test_a_check_tells_what_the_backend_can_not_do(installed: dict[str, str]) -> None:
    first, *_ = run("check", "--url", "poor:", env=installed).out.splitlines()

    assert first.startswith("poor, messages by log: no transactions; ")
    assert first.endswith("no changes are told; mirrors poll")
