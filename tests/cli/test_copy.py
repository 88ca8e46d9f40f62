"""Tables copied from one backend to another, and checked."""

from __future__ import annotations

from pathlib import Path

import dfbackends
from dfbackends import TableDefinition
from dfbackends.cli.transfer import Transfer
from tests.cli.copying import copied, dumped, entries, load
from tests.cli.running import run


def test_a_copy_has_the_keys_values_topics_and_checksum_of_the_source(url: str, other: str) -> None:
    load(url, entries(1200))

    result = copied(url, other, "--json", "--batch", "500")

    *parts, told = result.documents
    [checked] = run("dump", "--url", other, "ports", "--checksum", "--json").documents
    assert result.code == 0
    assert parts == [{"table": "ports", "done": done} for done in (500, 1000, 1200)]
    assert told == {**checked, "written": 1200, "removed": 0, "definition": "created", "equal": True}
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


def test_batches_are_bounded_in_bytes() -> None:
    with dfbackends.open("memory:") as source, dfbackends.open("memory:") as target:
        source.db.put_many("t", {f"k{number}": "x" * 1_000_000 for number in range(20)})
        transfer = Transfer(source.db, target.db, TableDefinition("t", None, "t", 1), batch=500, replace=False)

        assert max(len(part) for part in transfer.parts()) <= 5
