"""Copies that end before the rest, by whatever, and are completed."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from contract_tests.waiting import eventually
from dfbackends import TableDefinition
from tests.cli.copying import LONG, copied, copying, create, definition, dumped, entries, load, told
from tests.cli.following import killed
from tests.cli.running import PATIENCE, run

SCHEMA = {"type": "object", "required": ["n"]}


@pytest.mark.parametrize("count", [0, 1, 7, 40, 150, 280, 300])
def test_a_copy_killed_at_any_moment_is_completed(url: str, other: str, tmp_path: Path, count: int) -> None:
    """Before it tells of anything it is killed as soon as it has made the file; behind the last line, while it compares."""
    create(url, LONG, SCHEMA, partition="net")
    load(url, entries(3000), LONG)
    create(url, "q", SCHEMA)
    with copying(url, other) as process:
        eventually((tmp_path / "other.db").exists, "the target is made")
        done = told(process, count)
        killed(process)

    there = dumped(other, LONG)
    assert done <= len(there)
    assert there == entries(len(there))
    assert definition(other, LONG) in ([TableDefinition(LONG, SCHEMA, "net", 1)] if there else [None, definition(url, LONG)])

    resumed = [document for document in copied(url, other, "--resume", "--json").documents if "equal" in document]

    assert [(document["table"], document["equal"]) for document in resumed] == [(LONG, True), ("q", True)]
    assert resumed[0]["written"] == 3000 - len(there)
    assert dumped(other, LONG) == entries(3000)
    assert [definition(other, table) for table in (LONG, "q")] == [definition(url, table) for table in (LONG, "q")]


def test_a_copy_that_was_killed_is_not_begun_anew(url: str, other: str) -> None:
    load(url, entries(5000), LONG)
    with copying(url, other) as process:
        told(process, 20)
        killed(process)

    assert "the target has entries in" in copied(url, other).err
    assert copied(url, other, "--resume").code == 0
    *_, again = copied(url, other, "--resume", "--json").documents

    assert (again["written"], again["equal"], again["definition"]) == (0, True, "same")
    assert again["sha256"] == run("dump", "--url", url, LONG, "--checksum").out.split()[0]


def test_an_overwriting_copy_that_was_killed_is_completed(url: str, other: str) -> None:
    load(url, entries(5000), LONG)
    load(other, [{"key": f"old{number}", "value": number} for number in range(50)], LONG)
    with copying(url, other, "--overwrite") as process:
        told(process, 20)
        killed(process)

    assert {"key": "old7", "value": 7} in dumped(other, LONG)
    assert copied(url, other, "--overwrite").code == 0
    assert dumped(other, LONG) == entries(5000)


def test_ctrl_c_says_what_is_copied_and_how_to_go_on(url: str, other: str) -> None:
    load(url, entries(5000), LONG)
    with copying(url, other) as process:
        done = told(process, 20)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)

    error = json.loads(errors)
    assert process.returncode == 130
    assert done <= error["done"] == len(dumped(other, LONG)) < 5000
    assert "--resume goes on" in error["message"]


def test_in_the_background_of_a_script_ctrl_c_is_not_for_it(url: str, other: str) -> None:
    load(url, entries(5000), LONG)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # The process that is started takes it over.
    with copying(url, other) as process:
        signal.signal(signal.SIGINT, before)
        told(process, 20)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)

    assert process.returncode == 0
    assert dumped(other, LONG) == entries(5000)


def test_a_source_that_changes_meanwhile_ends_with_no(url: str, other: str) -> None:
    load(url, entries(5000), LONG)
    with copying(url, other) as process:
        told(process, 20)
        load(url, [{"key": entry["key"], "value": "changed"} for entry in entries(5000)], LONG)
        output, errors = process.communicate(timeout=PATIENCE)

    last = json.loads(output.splitlines()[-1])
    assert process.returncode == 1
    assert last["equal"] is False
    assert json.loads(errors)["message"].startswith("not as in the source")
    assert copied(url, other, "--overwrite").code == 0


def test_a_source_that_gets_another_schema_meanwhile_ends_with_no(url: str, other: str) -> None:
    load(url, entries(5000), LONG)
    with copying(url, other) as process:
        told(process, 20)
        create(url, LONG, SCHEMA)
        output, errors = process.communicate(timeout=PATIENCE)

    last = json.loads(output.splitlines()[-1])
    assert process.returncode == 1
    assert (last["equal"], last["entries"]) == (False, 5000)
    assert json.loads(errors)["message"].startswith("not as in the source")
    assert copied(url, other, "--overwrite").code == 0
    assert definition(other, LONG) == definition(url, LONG)


def test_a_target_that_is_full_says_so_and_the_copy_is_completed_when_there_is_room(url: str, other: str) -> None:
    """The limit on the size of the file stands for the disk: SQLite reports both alike."""
    given = [{"key": f"k{number:04}", "value": "x" * 1000} for number in range(3000)]
    load(url, given)

    full = copied(url, f"{other}?max_size=1", "--json", "--batch", "100")

    assert (full.code, full.error["code"]) == (3, "full")
    assert "the target: " in full.error["message"]
    assert "--resume goes on" in full.error["message"]
    assert full.error["done"] == full.documents[-1]["done"] > 0
    assert dumped(other)[: full.error["done"]] == given[: full.error["done"]]
    assert copied(url, other, "--resume").code == 0
    assert dumped(other) == given
