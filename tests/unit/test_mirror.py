"""A mirror of a file that is written over, or taken away, under those who use it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import dfbackends
from contract_tests.checks.copies import Told, wait_equal
from contract_tests.servers.replaced_file import copy
from contract_tests.waiting import eventually


@pytest.mark.parametrize("other", [False, True], ids=["older", "other"])
def test_a_state_that_is_written_into_the_open_file_is_noticed(tmp_path: Path, other: bool) -> None:
    path, source = tmp_path / "a.db", tmp_path / "source.db"
    told = Told()
    with dfbackends.open(f"sqlite:{path}") as backend:
        backend.db.put_many("t", {f"k{number}": number for number in range(10)})
        if other:
            with dfbackends.open(f"sqlite:{source}") as another:
                another.db.put_many("t", {f"o{number}": number for number in range(5)})
        else:
            copy(path, source)
        backend.db.put_many("t", {"k0": "newer", "later": 1})
        mirror = backend.mirror("t", check_interval=0.3, on_state=told.on_state)
        mirror.wait_synced(10)
        told.wait_synced()

        copy(source, path)

        told.wait_stale()
        with dfbackends.open(f"sqlite:{path}") as fresh:
            fresh.db.put("t", "after", 1)
            wait_equal(mirror, fresh.db)
        assert "later" not in mirror


def test_an_outage_is_told_and_mended_without_help(tmp_path: Path) -> None:
    path, away = tmp_path / "a.db", tmp_path / "away.db"
    told = Told()
    with dfbackends.open(f"sqlite:{path}?deadline=1&timeout=0.1") as backend:
        backend.db.put("t", "k", 1)
        mirror = backend.mirror("t", check_interval=0.3, on_state=told.on_state)
        mirror.wait_synced(10)
        told.wait_synced()

        shutil.move(path, away)
        told.wait_stale()
        eventually(lambda: mirror.code == "unreachable", "it says why")
        assert mirror.get("k") == 1, "what was copied stays readable"
        shutil.move(away, path)

        told.wait_synced()
        assert mirror.code is None
