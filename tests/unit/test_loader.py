"""Backends are found by name, and what is wrong with one is told, and harms no other."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import dfbackends
from contract_tests.waiting import eventually
from dfbackends import loader
from dfbackends.errors import ConfigurationError

Install = Callable[..., None]

GOOD = """
from dfbackends.api import Driver
from dfbackends.drivers.config import memory_db, memory_pubsub
db, pubsub = memory_db, memory_pubsub
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a distribution with one module and its entry points, on a path of its own."""

    def put(distribution: str, module: str, code: str, **points: str) -> None:
        folder = tmp_path / distribution
        info = folder / f"{distribution}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        lines = [f"[dfbackends.{group}]\n{target}" for group, target in points.items()]
        (info / "entry_points.txt").write_text("\n".join(lines))
        (folder / f"{module}.py").write_text(code)
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, module, raising=False)

    return put


def test_a_backend_of_another_distribution_is_found_by_its_name(install: Install) -> None:
    install("acme-store", "acme", GOOD, db="acme = acme:db", pubsub="acme = acme:pubsub")

    with dfbackends.open("acme:") as backend:
        backend.db.put("t", "k", 1)

        assert backend.db.get("t", "k") == 1


def test_a_backend_that_only_stores_carries_messages_over_its_store(install: Install) -> None:
    install("acme-store", "acme", GOOD, db="acme = acme:db")

    heard: list[object] = []
    with dfbackends.open("acme:one") as sender, dfbackends.open("acme:one") as receiver:
        receiver.pubsub.subscribe("t", lambda topic, data: heard.append(data), on_loss=dfbackends.renew)
        sender.pubsub.publish("t", 1)

        eventually(lambda: heard == [1], "the message arrives")


def test_an_unknown_name_is_answered_with_what_is_installed_and_the_closest() -> None:
    with pytest.raises(ConfigurationError) as caught:
        dfbackends.open("sqlit:x")

    assert "'sqlit'" in str(caught.value)
    assert "did you mean 'sqlite'?" in str(caught.value)
    assert "installed: etcd, memory, " in str(caught.value)


def test_a_backend_that_is_not_installed_is_answered_with_its_package(install: Install) -> None:
    install("dfbackends_etcd", "empty", "")  # It stands before the one that is installed, and registers nothing.

    with pytest.raises(ConfigurationError, match="it comes with the package dfbackends-etcd"):
        dfbackends.open("etcd://127.0.0.1:1")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import a_client_that_is_missing", "ModuleNotFoundError: No module named 'a_client_that_is_missing'"),
        ("raise RuntimeError('too old')", "RuntimeError: too old"),
        ("raise AssertionError('not today')", "AssertionError: not today"),
        ("raise SystemExit('good bye')", "SystemExit: good bye"),
        ("other = 1", "AttributeError"),
        ("db = 5", "no dfbackends.api.Driver"),
        ("from dfbackends.drivers.config import memory_pubsub as db", "no dfbackends.api.Driver"),
        (GOOD + "import dataclasses\ndb = dataclasses.replace(db, contract=99)", "written for version 99"),
    ],
)
def test_a_broken_backend_tells_its_own_error_and_disturbs_no_other(install: Install, code: str, reason: str) -> None:
    install("acme-store", "acme", code, db="acme = acme:db")

    with pytest.raises(ConfigurationError) as caught:
        dfbackends.open("acme:")
    with dfbackends.open("memory:"):
        pass
    broken = [driver for driver in loader.installed() if driver.error is not None]

    assert reason in str(caught.value)
    assert "acme-store 1.2" in str(caught.value)
    assert [(driver.name, driver.distribution, driver.version) for driver in broken] == [("acme", "acme-store", "1.2")]


def test_two_distributions_of_one_name_are_named_instead_of_choosing_one(install: Install) -> None:
    install("acme-store", "acme", GOOD, db="acme = acme:db")
    install("emca-store", "emca", GOOD, db="acme = emca:db")

    with pytest.raises(ConfigurationError, match=r"acme-store 1\.2 and emca-store 1\.2"):
        dfbackends.open("acme:")


def test_what_is_installed_is_listed_with_what_it_can_do() -> None:
    listed = {(driver.name, driver.kind): driver for driver in loader.installed()}

    assert listed["memory", "db"].capabilities == ("Transactional", "Watching")
    assert listed["sqlite", "db"].capabilities == ("Transactional", "Watching")
    assert listed["sqlite", "pubsub"].error is None
    assert listed["memory", "db"].distribution == "dfbackends"
