"""Tables copied from one backend to another, and checked."""

from __future__ import annotations

import json
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import dfbackends
from dfbackends.cli.lines import checksum
from dfbackends.cli.transfer import Transfer
from tests.cli.following import killed
from tests.cli.running import PATIENCE, Result, lines, run, start

LONG = "ports" * 80
"""With this name of a table what a copy tells soon fills the pipe, so that it waits in the middle until it is read."""


@pytest.fixture
def other(tmp_path: Path) -> str:
    return f"sqlite:{tmp_path / 'other.db'}"


def entries(count: int) -> list[dict[str, Any]]:
    return [{"key": f"k{number:06}", "value": {"n": number, "ü": [None]}, "topic": f"t{number % 3}"} for number in range(count)]


def load(url: str, given: list[dict[str, Any]], table: str = "ports") -> None:
    assert run("load", "--url", url, table, "-", stdin=lines(given)).code == 0


def dumped(url: str, table: str = "ports") -> list[dict[str, Any]]:
    return run("dump", "--url", url, table, "--sort").documents


def copied(url: str, other: str, *arguments: str) -> Result:
    return run("copy", "--from", url, "--to", other, *arguments)


@contextmanager
def halfway(url: str, other: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a copy of the table LONG in a process that waits in the middle; yield it, and how many entries it has told of."""
    with start("copy", "--from", url, "--to", other, "--json", "--batch", "10", *arguments) as copying:
        try:
            assert copying.stdout is not None
            for _ in range(20):
                done = json.loads(copying.stdout.readline())["done"]
            yield copying, done
        finally:
            copying.kill()


@contextmanager
def both(url: str, other: str) -> Iterator[tuple[dfbackends.Backend, dfbackends.Backend]]:
    with dfbackends.open(url) as one, dfbackends.open(other) as two:
        yield one, two


def test_a_copy_has_the_keys_values_topics_and_checksum_of_the_source(url: str, other: str) -> None:
    load(url, entries(1200))

    result = copied(url, other, "--json", "--batch", "500")

    *parts, told = result.documents
    [checked] = run("dump", "--url", other, "ports", "--checksum", "--json").documents
    assert result.code == 0
    assert parts == [{"table": "ports", "done": done} for done in (500, 1000, 1200)]
    assert told == {**checked, "written": 1200, "removed": 0, "equal": True}
    assert run("dump", "--url", url, "ports", "--checksum", "--json").documents == [checked]
    assert dumped(other) == entries(1200)
    assert run("ls", "--url", other, "ports", "--topic", "t1").out.count("\n") == 400


def test_all_tables_are_copied_or_those_that_are_named(url: str, other: str, tmp_path: Path) -> None:
    for table in ("a", "b", "c"):
        load(url, entries(3), table)

    assert copied(url, other, "c", "a", "c").code == 0
    assert run("tables", "--url", other).out == "a\nc\n"

    everything = f"sqlite:{tmp_path / 'everything.db'}"
    text = copied(url, everything).out
    assert [line.split("  ")[1:] for line in text.splitlines()] == [[name, "3 entries, 3 written"] for name in "abc"]


def test_a_table_that_holds_something_is_refused_before_anything_is_written(url: str, other: str) -> None:
    for table in ("a", "b"):
        load(url, entries(3), table)
    load(other, [{"key": "mine", "value": 1}], "b")

    refused = copied(url, other)

    assert refused.code == 1
    assert "the target has entries in b" in refused.err
    assert run("tables", "--url", other).out == "b\n"
    assert dumped(other, "b") == [{"key": "mine", "value": 1}]


def test_overwrite_makes_the_target_equal_and_writes_only_what_differs(url: str, other: str) -> None:
    load(url, entries(300))
    load(other, [*entries(200), {"key": "k000007", "value": True, "topic": "t1"}, {"key": "more", "value": 1}])

    [told] = [line for line in copied(url, other, "--overwrite", "--json").documents if "equal" in line]

    assert (told["equal"], told["written"], told["removed"]) == (True, 101, 1)
    assert dumped(other) == entries(300)


def test_values_that_python_takes_for_equal_are_told_apart(url: str, other: str) -> None:
    load(url, [{"key": "k", "value": [1, 0]}])
    load(other, [{"key": "k", "value": [True, False]}])

    assert copied(url, other, "--resume").code == 1
    assert copied(url, other, "--overwrite").code == 0
    assert dumped(other) == [{"key": "k", "value": [1, 0]}]


def test_a_copy_that_was_killed_is_completed(url: str, other: str) -> None:
    load(url, entries(5000), LONG)
    with halfway(url, other) as (copying, done):
        killed(copying)

    there = dumped(other, LONG)
    assert done <= len(there) < 5000
    assert copied(url, other).code == 1

    *_, resumed = copied(url, other, "--resume", "--json").documents
    *_, again = copied(url, other, "--resume", "--json").documents

    assert resumed["written"] == 5000 - len(there)
    assert (again["written"], again["equal"]) == (0, True)
    assert again["sha256"] == run("dump", "--url", url, LONG, "--checksum").out.split()[0]


def test_an_overwriting_copy_that_was_killed_is_completed(url: str, other: str) -> None:
    load(url, entries(5000), LONG)
    load(other, [{"key": f"old{number}", "value": number} for number in range(50)], LONG)
    with halfway(url, other, "--overwrite") as (copying, _):
        killed(copying)

    assert {"key": "old7", "value": 7} in dumped(other, LONG)
    assert copied(url, other, "--overwrite").code == 0
    assert dumped(other, LONG) == entries(5000)


def test_ctrl_c_says_what_is_copied_and_how_to_go_on(url: str, other: str) -> None:
    load(url, entries(5000), LONG)
    with halfway(url, other) as (copying, done):
        copying.send_signal(signal.SIGINT)
        _, errors = copying.communicate(timeout=PATIENCE)

    told = json.loads(errors)
    assert copying.returncode == 130
    assert done <= told["done"] == len(dumped(other, LONG)) < 5000
    assert "--resume goes on" in told["message"]


def test_what_is_resumed_changes_nothing_that_is_there(url: str, other: str) -> None:
    load(url, entries(20))
    load(other, [{"key": "k000011", "value": "mine"}])

    refused = copied(url, other, "--resume", "--batch", "10", "--json")

    assert refused.code == 1
    assert "'k000011' is another entry there" in refused.error["message"]
    assert refused.error["done"] == 10
    assert dumped(other) == [*entries(10), {"key": "k000011", "value": "mine"}]


def test_an_entry_that_only_the_target_has_makes_the_checksums_differ(url: str, other: str) -> None:
    load(url, entries(2))
    load(other, [{"key": "more", "value": 1}])

    result = copied(url, other, "--resume", "--json")

    assert result.code == 1
    assert result.documents[-1]["equal"] is False
    assert "not as in the source: ports" in result.error["message"]


def test_a_source_that_changes_meanwhile_ends_with_no(url: str, other: str) -> None:
    load(url, entries(5000), LONG)
    with halfway(url, other) as (copying, _):
        load(url, [{"key": entry["key"], "value": "changed"} for entry in entries(5000)], LONG)
        told, errors = copying.communicate(timeout=PATIENCE)

    last = json.loads(told.splitlines()[-1])
    assert copying.returncode == 1
    assert last["equal"] is False
    assert json.loads(errors)["message"].startswith("not as in the source")
    assert copied(url, other, "--overwrite").code == 0


def test_a_value_that_breaks_the_schema_of_the_target_is_named(url: str, other: str) -> None:
    load(url, entries(5))
    with dfbackends.open(other) as backend:
        backend.db.create_table("ports", schema={"properties": {"n": {"maximum": 3}}})

    refused = copied(url, other)

    assert refused.code == 1
    assert "the target: " in refused.err
    assert "'k000004'" in refused.err


def test_a_source_without_the_table_is_no_and_the_target_stays(url: str, other: str) -> None:
    assert copied(url, other).err == "dfbackends: the source has no tables\n"
    load(url, entries(1))
    load(other, entries(2), "typo")

    refused = copied(url, other, "typo", "--overwrite")

    assert refused == (1, "", "dfbackends: the source has no table typo\n")
    assert dumped(other, "typo") == entries(2)


def test_called_wrongly(url: str, other: str) -> None:
    assert copied(url, other, "--resume", "--overwrite").code == 2
    assert run("copy", "--from", url).code == 2
    assert copied("sqlite:/nowhere/app.db", other).code == 2


def test_there_and_back_through_another_backend(url: str, other: str) -> None:
    load(url, entries(700))

    with both(url, f"memory:{uuid.uuid4()}") as (source, memory), dfbackends.open(other) as target:
        for one, two in ((source, memory), (memory, target)):
            back = Transfer(one.db, two.db, "ports", batch=64, replace=False)
            for part in back.parts():
                back.put(part)
        assert back.checksums(lambda _: None) == (checksum(source.db.entries("ports")),) * 2

    assert dumped(other) == entries(700)


def test_batches_are_bounded_in_bytes() -> None:
    with both(f"memory:{uuid.uuid4()}", f"memory:{uuid.uuid4()}") as (source, target):
        source.db.put_many("t", {f"k{number}": "x" * 1_000_000 for number in range(20)})
        transfer = Transfer(source.db, target.db, "t", batch=500, replace=False)

        assert max(len(part) for part in transfer.parts()) <= 5
