"""The definitions of tables, copied before their entries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import dfbackends
from dfbackends import TableDefinition
from dfbackends.cli.copy import _Copier
from dfbackends.cli.output import Output
from dfbackends.cli.progress import Progress
from dfbackends.cli.transfer import Transfer
from tests.cli.copying import copied, create, definition, dumped, entries, load
from tests.cli.plugged import POOR, plugged
from tests.cli.running import run

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"n": {"const": 1}}}
OTHER: dict[str, Any] = {"type": "object", "properties": {"n": {"const": True}}}


def test_a_table_is_copied_with_its_schema_partition_and_buckets(url: str, other: str) -> None:
    create(url, "ports", {"type": "object"}, partition="net")
    create(url, "wide", buckets=8)
    load(url, entries(30))
    load(url, entries(30), "wide")

    result = copied(url, other, "--json")

    ends = [document for document in result.documents if "equal" in document]
    assert result.code == 0
    assert [(end["table"], end["definition"], end["entries"], end["equal"]) for end in ends] == [
        ("ports", "created", 30, True),
        ("wide", "created", 30, True),
    ]
    assert definition(other) == TableDefinition("ports", {"type": "object"}, "net", 1)
    assert definition(other, "wide") == TableDefinition("wide", None, "wide", 8)
    assert dumped(other, "wide") == entries(30)


def test_a_table_without_entries_is_copied(url: str, other: str) -> None:
    create(url, "ports", SCHEMA, partition="net")

    [told] = copied(url, other, "--json").documents

    assert (told["entries"], told["written"], told["definition"], told["equal"]) == (0, 0, "created", True)
    assert run("tables", "--url", other).out == "ports\n"
    assert definition(other) == TableDefinition("ports", SCHEMA, "net", 1)
    assert run("put", "--url", other, "ports", "k", '{"n": 2}').code == 1


def test_the_same_definition_in_the_target_is_harmless(url: str, other: str) -> None:
    for side in (url, other):
        create(side, "ports", SCHEMA, partition="net")
    load(url, [{"key": "k", "value": {"n": 1}}])

    *_, told = copied(url, other, "--json").documents

    assert (told["definition"], told["equal"]) == ("same", True)


@pytest.mark.parametrize("there", [OTHER, None], ids=["another", "none"])
@pytest.mark.parametrize("flag", ["--batch=5", "--resume"])
def test_another_schema_is_refused_before_anything_is_written(url: str, other: str, there: dict[str, Any], flag: str) -> None:
    load(url, entries(3), "a")
    create(url, "ports", SCHEMA)
    create(other, "ports", there)

    refused = copied(url, other, flag, "--json")

    assert (refused.code, refused.out) == (1, "")
    assert "another schema of ports, and nothing was copied: --overwrite replaces it" in refused.error["message"]
    assert run("tables", "--url", other).out == "ports\n"
    assert definition(other) == TableDefinition("ports", there, "ports", 1)


@pytest.mark.parametrize("there", [OTHER, None], ids=["another", "none"])
@pytest.mark.parametrize("wanted", [SCHEMA, None], ids=["with", "without"])
def test_overwrite_replaces_the_schema(
    url: str, other: str, there: dict[str, Any] | None, wanted: dict[str, Any] | None
) -> None:
    create(url, "ports", wanted)
    create(other, "ports", there)
    load(url, [{"key": "k", "value": {"n": 1}}])

    result = copied(url, other, "--overwrite", "--json")
    again = copied(url, other, "--overwrite")

    told = result.documents[-1]
    assert (told["definition"], told["equal"]) == ("same" if wanted is there else "replaced", True)
    # Python takes the two schemas for equal.
    assert repr(definition(other)) == repr(TableDefinition("ports", wanted, "ports", 1))
    assert dumped(other) == dumped(url)
    assert again.out.endswith("  ports  1 entries, 0 written\n")


def test_a_schema_that_is_replaced_is_told(url: str, other: str) -> None:
    create(url, "ports", SCHEMA)
    create(other, "ports", OTHER)

    assert copied(url, other, "--overwrite").out.endswith("  ports  0 entries, 0 written, schema replaced\n")


@pytest.mark.parametrize("place", [{"partition": "elsewhere"}, {"buckets": 4}], ids=["partition", "buckets"])
@pytest.mark.parametrize("dropped", [False, True], ids=["there", "dropped"])
def test_another_place_is_refused_in_any_case(url: str, other: str, place: dict[str, Any], dropped: bool) -> None:
    load(url, entries(3), "a")
    load(url, entries(3))
    create(other, "ports", **place)
    if dropped:
        run("drop", "--url", other, "ports", "--yes")

    for flag in ("--batch=5", "--resume", "--overwrite"):
        refused = copied(url, other, flag)

        assert (refused.code, refused.out) == (1, "")
        assert "in partition 'ports' with 1 bucket(s), and nothing was copied: where a table lives never" in refused.err
        assert run("tables", "--url", other).out == ("" if dropped else "ports\n")


def test_a_table_that_was_dropped_in_the_target_takes_the_definition(url: str, other: str) -> None:
    create(url, "ports", SCHEMA)
    create(other, "ports", OTHER)
    run("drop", "--url", other, "ports", "--yes")

    *_, told = copied(url, other, "--json").documents

    assert (told["definition"], told["equal"]) == ("created", True)
    assert definition(other) == TableDefinition("ports", SCHEMA, "ports", 1)


def test_a_table_that_was_dropped_in_the_source_does_not_exist(url: str, other: str) -> None:
    create(url, "ports", SCHEMA)
    run("drop", "--url", url, "ports", "--yes")

    assert copied(url, other, "ports").err == "dfbackends: the source has no table ports\n"
    assert copied(url, other).err == "dfbackends: the source has no tables\n"


def test_a_definition_that_is_not_that_of_the_source_any_more_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with dfbackends.open("memory:") as source, dfbackends.open("memory:") as target:
        source.db.create_table("ports", SCHEMA)
        read_before = TableDefinition("ports", OTHER, "ports", 1)
        transfer = Transfer(source.db, target.db, read_before, batch=1, replace=False)

        equal = _Copier(Output(machine=False), Progress("copying"), overwrite=False).copy(transfer)

    assert not equal
    assert capsys.readouterr().out.endswith("  ports  differs from the source in its definition; 0 written\n")


def test_an_entry_that_was_there_before_the_schema_and_breaks_it_is_named(url: str, other: str) -> None:
    load(url, entries(5))
    create(url, "ports", {"properties": {"n": {"maximum": 3}}})

    refused = copied(url, other)

    assert refused.code == 1
    assert "the target: " in refused.err
    assert "'k000004'" in refused.err


def test_a_target_without_transactions_takes_definitions_and_entries(url: str, tmp_path: Path) -> None:
    create(url, "ports", {"type": "object"}, partition="net", buckets=2)
    load(url, entries(300))
    installed = plugged(tmp_path, "acme-store", "acme", POOR, db="poor = acme:db")

    result = run("copy", "--from", url, "--to", "poor:", "--json", env=installed)

    told = result.documents[-1]
    assert result.code == 0
    assert (told["definition"], told["entries"], told["written"], told["equal"]) == ("created", 300, 300, True)
