"""A table followed by one process, while others write."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dfbackends.cli.output import Output
from dfbackends.cli.watch import _Printer
from tests.cli.following import Lines, killed
from tests.cli.running import PATIENCE, lines, run, start

WRITER = """
import random
import sys

import dfbackends

_, url, seed = sys.argv
chance = random.Random(int(seed))
with dfbackends.open(url) as backend:
    while True:
        key = f"k{chance.randrange(30)}"
        if chance.random() < 0.7:
            backend.db.put("ports", key, {"n": chance.random()}, topic=chance.choice(["", "a", "b"]))
        elif backend.db.get_many("ports", [key]) != [None]:
            backend.db.delete("ports", key)
"""
"""Adds, replaces, moves and removes entries until it is killed."""


@contextmanager
def watched(url: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], Lines]]:
    """Run ``watch --json ports`` in a process."""
    with start("watch", "--url", url, "--json", "ports", *arguments) as process:
        try:
            yield process, Lines(process.stdout)
        finally:
            process.kill()


def put(url: str, key: str, value: object, topic: str = "") -> int:
    [told] = run("put", "--url", url, "ports", key, json.dumps(value), "--topic", topic, "--json").documents
    revision: int = told["revision"]
    return revision


def apply(copy: dict[str, dict[str, Any]], told: dict[str, Any]) -> str:
    """Do to a copy what was told; return what kind it was. It fits to what was told before."""
    kind: str = told.pop("change", "state")
    if kind == "state":
        return kind
    assert (told["key"] in copy) is (kind != "added")
    if kind == "removed":
        del copy[told["key"]]
    else:
        copy[told["key"]] = told
    return kind


def test_the_entries_that_are_there_come_first_as_added(url: str) -> None:
    value = {"mac": "fa:16", "ips": [1, {"v": 4}], "up": None}
    revision = put(url, "p1", value, "tenant-1")

    with watched(url) as (_, told):
        first, second = told.document(), told.document()

    assert first == {"change": "added", "key": "p1", "value": value, "topic": "tenant-1", "revision": revision}
    assert second == {"state": "synced"}


def test_each_change_of_another_process_is_told_in_its_kind(url: str) -> None:
    with watched(url) as (_, told):
        assert told.document() == {"state": "synced"}

        revisions = [put(url, "p1", 1)]
        added = told.document()
        revisions.append(put(url, "p1", 2, "t"))
        updated = told.document()
        run("delete", "--url", url, "ports", "p1")
        removed = told.document()

    assert added == {"change": "added", "key": "p1", "value": 1, "topic": "", "revision": revisions[0]}
    assert updated == {"change": "updated", "key": "p1", "value": 2, "topic": "t", "revision": revisions[1]}
    assert removed == {**updated, "change": "removed"}


def test_only_the_topics_that_were_asked_for_are_told(url: str) -> None:
    with watched(url, "--topic", "a", "--topic", "b") as (_, told):
        assert told.document() == {"state": "synced"}

        put(url, "p1", 1, "c")
        put(url, "p1", 2, "a")
        first = told.document()
        put(url, "p1", 3, "c")
        second = told.document()
        put(url, "p2", 1, "b")
        third = told.document()

    changes = [(change["change"], change["key"], change["topic"]) for change in (first, second, third)]
    assert changes == [("added", "p1", "a"), ("removed", "p1", "a"), ("added", "p2", "b")]


@pytest.mark.parametrize("seed", range(5))
def test_a_writer_is_killed_and_what_was_told_is_what_the_store_holds(url: str, seed: int) -> None:
    put(url, "first", 0)
    copy: dict[str, dict[str, Any]] = {}
    count = random.Random(seed).randrange(100, 600)
    with watched(url) as (_, told):
        with subprocess.Popen([sys.executable, "-c", WRITER, url, str(seed)], text=True) as writing:
            kinds = Counter(apply(copy, told.document()) for _ in range(count))
            killed(writing)
        last = put(url, "last", seed)
        while copy.get("last", {}).get("revision") != last:
            kinds[apply(copy, told.document())] += 1

    assert copy == {entry["key"]: entry for entry in run("ls", "--url", url, "ports", "--long", "--json").documents}
    assert {"first", "last"} <= copy.keys()
    assert {"added", "updated", "removed"} <= kinds.keys()


def test_text_has_columns_and_the_state_stands_on_standard_error(url: str) -> None:
    revision = put(url, "p1", {"a": [1]}, "t")

    with start("watch", "--url", url, "ports") as process:
        told, errors = Lines(process.stdout), Lines(process.stderr)
        first, state = told.next(), errors.next()
        process.kill()

    assert first == f'added\tp1\tt\t{revision}\t{{"a":[1]}}\n'
    assert state == "ports is current; Ctrl-C ends\n"


def test_ctrl_c_ends_with_130_and_says_how_many_changes_were_printed(url: str) -> None:
    put(url, "p1", 1)
    with watched(url) as (process, told):
        assert [told.document(), told.document()][1] == {"state": "synced"}
        process.send_signal(signal.SIGINT)

        assert process.wait(PATIENCE) == 130
        assert process.stderr is not None
        assert json.loads(process.stderr.read())["changes"] == 1


def test_ctrl_c_ends_it_while_changes_wait_for_room(url: str) -> None:
    wide = "x" * 1000
    run("load", "--url", url, "ports", "-", stdin=lines([{"key": f"k{number}", "value": wide} for number in range(5000)]))

    with start("watch", "--url", url, "ports", "--json") as process:
        assert process.stdout is not None
        process.stdout.readline()
        # Five megabytes are more than the pipe and all that is queued takes.
        process.send_signal(signal.SIGINT)
        rest = Lines(process.stdout)
        while rest.next():
            pass

        assert process.wait(PATIENCE) == 130


def test_nobody_reads_any_more_and_watch_ends_quietly(url: str) -> None:
    with start("watch", "--url", url, "ports", "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline()) == {"state": "synced"}
        process.stdout.close()
        put(url, "p1", 1)

        assert process.wait(PATIENCE) == 141
        assert process.stderr.read() == ""


def test_a_copy_that_may_be_stale_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    for machine in (True, False):
        _Printer(Output(machine=machine), "ports")._print_state(synced=False)

    out, err = capsys.readouterr()
    assert json.loads(out) == {"state": "stale"}
    assert err == "ports may be stale: it is read again\n"


def test_a_table_that_may_not_exist_is_no(url: str) -> None:
    assert run("watch", "--url", url, "").code == 1
    assert run("watch", "--url", url, "ports", "--topic", "x" * 300).code == 1
