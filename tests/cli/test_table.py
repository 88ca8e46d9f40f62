"""Tables by the command line."""

from __future__ import annotations

import subprocess

import pytest

from tests.cli.running import PATIENCE, PROGRAM, lines, run


@pytest.fixture
def filled(url: str) -> str:
    entries = [{"key": f"p{number}", "value": {"n": number}, "topic": f"t{number % 2}"} for number in range(4)]
    assert run("load", "--url", url, "port", "-", stdin=lines(entries)).code == 0
    return url


def test_ls_prints_the_keys_of_a_topic(filled: str) -> None:
    found = run("ls", "--url", filled, "port", "--topic", "t1")

    assert sorted(found.out.split()) == ["p1", "p3"]


def test_ls_prints_values_in_columns(filled: str) -> None:
    found = run("ls", "--url", filled, "port", "--values")

    assert sorted(found.out.splitlines())[0] == 'p0\t{"n":0}'


def test_ls_long_prints_topic_and_revision_as_well(filled: str) -> None:
    [entry] = run("get", "--url", filled, "port", "p0", "--json").documents

    found = run("ls", "--url", filled, "port", "--long")

    assert sorted(found.out.splitlines())[0] == f'p0\tt0\t{entry["revision"]}\t{{"n":0}}'


def test_ls_for_machines_prints_an_object_a_line(filled: str) -> None:
    keys = run("ls", "--url", filled, "port", "--json").documents
    whole = run("ls", "--url", filled, "port", "--json", "--long", "--topic", "t0").documents

    assert sorted(document["key"] for document in keys) == ["p0", "p1", "p2", "p3"]
    assert all(document.keys() == {"key"} for document in keys)
    assert all(document.keys() == {"key", "value", "topic", "revision"} for document in whole)


def test_a_name_that_would_not_print_comes_in_quotes(url: str) -> None:
    run("put", "--url", url, "port", "two\nlines\x1b[31m", "1")

    assert run("ls", "--url", url, "port").out == '"two\\nlines\\u001b[31m"\n'


def test_a_missing_table_is_empty(url: str) -> None:
    assert run("ls", "--url", url, "nothing") == (0, "", "")


def test_tables_are_listed(filled: str) -> None:
    run("put", "--url", filled, "net", "n1", "1")

    assert run("tables", "--url", filled).out == "net\nport\n"
    assert run("tables", "--url", filled, "--json").documents == [{"table": "net"}, {"table": "port"}]


def test_drop_asks_first(filled: str) -> None:
    asked = [*PROGRAM, "drop", "--url", filled, "port"]

    refused = subprocess.run(asked, input=b"n\n", capture_output=True, timeout=PATIENCE)

    assert refused.returncode == 1
    assert b"all of its entries" in refused.stderr
    assert run("drop", "--url", filled, "port").code == 2
    assert len(run("ls", "--url", filled, "port").out.split()) == 4


def test_drop_removes_one_table(filled: str) -> None:
    run("put", "--url", filled, "net", "n1", "1")

    assert run("drop", "--url", filled, "port", "--yes").code == 0

    assert run("tables", "--url", filled).out == "net\n"
    assert run("drop", "--url", filled, "port", "--yes").code == 0
