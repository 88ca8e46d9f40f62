"""Entries read in from JSON Lines, and written out."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import dfbackends
from tests.cli.running import PATIENCE, PROGRAM, lines, run, start
from tests.figures import Claim

# A process begins with the peak of the one that started it: this one starts it from a small one.
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def entries(count: int) -> list[dict[str, Any]]:
    return [{"key": f"k{number:06}", "value": {"n": number}, "topic": f"t{number % 3}"} for number in range(count)]


def keys(url: str) -> list[str]:
    with dfbackends.open(url) as backend:
        return sorted(backend.db.keys("t"))


def test_what_was_loaded_is_dumped(url: str, tmp_path: Path) -> None:
    given = [*entries(5), {"key": "no topic", "value": [None, "ü", 2**63 - 1]}]
    (tmp_path / "given.jsonl").write_text(lines(given))

    loaded = run("load", "--url", url, "t", tmp_path / "given.jsonl")
    dumped = run("dump", "--url", url, "t", "--sort")

    assert loaded == (0, "6 entries loaded into t\n", "")
    assert dumped.documents == given


def test_the_dump_of_one_topic_is_its_entries(url: str) -> None:
    run("load", "--url", url, "t", "-", stdin=lines(entries(6)))

    dumped = run("dump", "--url", url, "t", "--topic", "t1", "--sort")

    assert [document["key"] for document in dumped.documents] == ["k000001", "k000004"]


def test_the_checksum_is_that_of_the_sorted_dump_whatever_was_stored_first(url: str, tmp_path: Path) -> None:
    other = f"sqlite:{tmp_path / 'other.db'}"
    run("load", "--url", url, "t", "-", stdin=lines(entries(50)))
    run("load", "--url", other, "t", "-", stdin=lines(entries(50)[::-1]))

    dumped = run("dump", "--url", url, "t", "--sort").out
    [told] = run("dump", "--url", other, "t", "--checksum", "--json").documents

    assert told == {"table": "t", "entries": 50, "sha256": hashlib.sha256(dumped.encode()).hexdigest()}
    assert run("dump", "--url", url, "t", "--checksum").out == f"{told['sha256']}  t\n"


def test_each_committed_batch_is_told(url: str) -> None:
    loaded = run("load", "--url", url, "t", "-", "--batch", "40", "--json", stdin=lines(entries(100)))

    assert loaded.documents == [{"done": 40}, {"done": 80}, {"done": 100}]


def test_nothing_to_load_is_no_error(url: str) -> None:
    assert run("load", "--url", url, "t", "-", "--json", stdin="\n\n").documents == [{"done": 0}]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"key": "k", "value": ', "not JSON"),
        ('{"key": "k", "value": NaN}', "NaN is not allowed"),
        ('{"key": "k", "value": 1, "value": 2}', "the same key twice"),
        ('{"key": "k", "value": 9223372036854775808}', "outside of"),
        ('{"key": "k"}', "no 'value'"),
        ('{"value": 1}', "no 'key'"),
        ('{"key": "k", "value": 1, "Topic": "t"}', "unknown field 'Topic'"),
        ('{"key": 1, "value": 1}', "key and topic are text"),
        ('["k", 1]', "not an object"),
        ('{"key": "", "value": 1}', "not empty"),
        ('{"key": "\\ud800", "value": 1}', "lone surrogate"),
        ('{"key": "k", "value": "\\ud800"}', "lone surrogate"),
        (json.dumps({"key": "k", "value": "x" * (1 << 20)}), "at most 1048576"),
    ],
    ids=lambda text: text[:30],
)
def test_a_bad_line_is_named_and_nothing_behind_the_last_batch_is_written(url: str, line: str, reason: str) -> None:
    good = entries(25)
    text = lines(good[:17]) + line + "\n" + lines(good[17:])

    loaded = run("load", "--url", url, "t", "-", "--batch", "5", "--json", stdin=text)

    assert loaded.code == 1
    assert loaded.documents == [{"done": 5}, {"done": 10}, {"done": 15}]
    assert (loaded.error["line"], loaded.error["done"]) == (18, 15)
    assert loaded.error["message"].startswith("line 18: ")
    assert reason in loaded.error["message"]
    assert keys(url) == [entry["key"] for entry in good[:15]]


def test_bytes_that_are_no_text_are_a_bad_line(url: str) -> None:
    loaded = run("load", "--url", url, "t", "-", stdin=b'{"key": "\xff", "value": 1}\n')

    assert loaded == (1, "", "dfbackends: line 1: not UTF-8; nothing was stored\n")


def test_a_line_that_never_ends_is_refused_before_it_is_read(url: str) -> None:
    loaded = run("load", "--url", url, "t", "-", stdin=b'{"key": "k", "value": "' + b"x" * (10 << 20))

    assert loaded.code == 1
    assert "line 1: longer than" in loaded.err


def test_a_value_that_breaks_the_schema_keeps_its_batch_away(url: str) -> None:
    with dfbackends.open(url) as backend:
        backend.db.create_table("t", schema={"properties": {"n": {"maximum": 12}}})

    loaded = run("load", "--url", url, "t", "-", "--batch", "10", "--json", stdin=lines(entries(20)))

    assert (loaded.code, loaded.error["line"], loaded.error["done"]) == (1, 14, 10)
    assert len(keys(url)) == 10


def test_a_table_of_several_buckets_is_loaded_as_well(url: str) -> None:
    with dfbackends.open(url) as backend:
        backend.db.create_table("t", schema={"properties": {"n": {"maximum": 12}}}, buckets=4)

    loaded = run("load", "--url", url, "t", "-", "--batch", "10", "--json", stdin=lines(entries(20)))

    assert (loaded.code, loaded.error["line"], loaded.error["done"]) == (1, 14, 10)
    assert keys(url)[:10] == [entry["key"] for entry in entries(10)]


def test_a_file_that_is_not_there_is_called_wrongly(url: str, tmp_path: Path) -> None:
    assert run("load", "--url", url, "t", tmp_path / "nothing").code == 2


def test_loading_again_is_harmless(url: str) -> None:
    for _ in range(2):
        assert run("load", "--url", url, "t", "-", stdin=lines(entries(30))).code == 0

    assert run("dump", "--url", url, "t", "--sort").documents == entries(30)


def test_ctrl_c_says_what_was_done(url: str) -> None:
    with start("load", "--url", url, "t", "-", "--batch", "10", "--json") as loading:
        assert loading.stdin is not None
        assert loading.stdout is not None
        assert loading.stderr is not None
        loading.stdin.write(lines(entries(25)))
        loading.stdin.flush()
        told = [json.loads(loading.stdout.readline()) for _ in range(2)]

        # It waits for more lines now, with five that are not written yet.
        loading.send_signal(signal.SIGINT)
        error = json.loads(loading.stderr.read())

    assert told == [{"done": 10}, {"done": 20}]
    assert loading.returncode == 130
    assert error["done"] == 20
    assert "loading the file again completes it" in error["message"]
    assert len(keys(url)) == 20


@pytest.mark.claims
@pytest.mark.timeout(300)
def test_the_memory_of_load_does_not_grow_with_the_file(url: str, tmp_path: Path, claim: Claim) -> None:
    """A document has about 350 bytes, as those of the figures do."""
    path = tmp_path / "many.jsonl"
    with path.open("w") as file:
        for number in range(100_000):
            value = {"n": number, "mac": "fa:16:3e:00:00:01", "ips": [f"10.0.0.{at}" for at in range(10)], "note": "x" * 150}
            file.write(json.dumps({"key": f"k{number}", "value": value, "topic": f"t{number % 100}"}) + "\n")

    def peak() -> float:
        command: list[str | Path] = [sys.executable, "-c", PEAK, *PROGRAM, "load", "--url", url, "t", path]
        return int(subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=PATIENCE).stdout) / 1024

    claim("peak of load, 100,000 documents", peak, at_most=200, unit="MB")
