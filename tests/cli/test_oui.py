"""Real input: the IEEE registry of network cards, over 30,000 records."""

from __future__ import annotations

import json
import random
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest

import dfbackends
from dfbackends.cli.program import program
from tests.cli.running import PATIENCE, PROGRAM, Result, run, start

BATCH = 500
SEEDS = range(10)


@pytest.fixture(scope="session")
def records(registry: Path) -> dict[str, Any]:
    """The records by key; of a prefix that is listed twice the later one."""
    with registry.open() as file:
        return {document["key"]: document for document in map(json.loads, file)}


@pytest.fixture(scope="session")
def loaded(registry: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Result]:
    url = f"sqlite:{tmp_path_factory.mktemp('oui') / 'oui.db'}"
    return url, run("load", "--url", url, "oui", registry)


def test_the_registry_is_large_and_each_record_has_its_parts(records: dict[str, Any]) -> None:
    assert len(records) > 30_000
    assert records["00-00-0C"]["value"]["organisation"].lower().startswith("cisco")
    for key, record in records.items():
        assert len(key) == 8
        assert record["topic"] == key[:2]
        assert record["value"]["organisation"]


def test_all_of_it_is_loaded(loaded: tuple[str, Result], registry: Path) -> None:
    _, result = loaded

    with registry.open() as file:
        assert result == (0, f"{sum(1 for _ in file)} entries loaded into oui\n", "")


def test_one_is_read(loaded: tuple[str, Result], records: dict[str, Any]) -> None:
    url, _ = loaded

    [found] = run("get", "--url", url, "oui", "00-00-0C", "--json").documents

    assert (found["value"], found["topic"]) == (records["00-00-0C"]["value"], "00")


def test_a_topic_is_listed(loaded: tuple[str, Result], records: dict[str, Any]) -> None:
    url, _ = loaded

    listed = run("ls", "--url", url, "oui", "--topic", "A4").out.split()

    assert sorted(listed) == sorted(key for key in records if key.startswith("A4"))
    assert len(listed) > 100


def test_a_topic_is_listed_to_a_pipe_that_is_closed(loaded: tuple[str, Result]) -> None:
    url, _ = loaded
    command = " ".join([*PROGRAM, "ls", "--url", url, "oui", "--topic", "00", "--long"])

    listed = subprocess.run(["bash", "-c", f"{command} | head -n 3"], capture_output=True, text=True, timeout=PATIENCE)

    assert len(listed.stdout.splitlines()) == 3
    assert listed.stderr == ""


def test_the_dump_is_what_was_loaded(loaded: tuple[str, Result], records: dict[str, Any]) -> None:
    url, _ = loaded

    dumped = run("dump", "--url", url, "oui", "--sort").documents

    assert dumped == [records[key] for key in sorted(records)]


def test_a_dump_is_loaded_into_another_store(loaded: tuple[str, Result], url: str) -> None:
    source, _ = loaded
    first, second = " ".join([*PROGRAM, "dump", "--url", source]), " ".join([*PROGRAM, "load", "--url", url])

    subprocess.run(["bash", "-c", f"{first} oui | {second} oui -"], check=True, timeout=PATIENCE)

    assert run("dump", "--url", url, "oui", "--checksum") == run("dump", "--url", source, "oui", "--checksum")


def test_it_is_copied_into_memory_and_back_with_equal_checksums(
    loaded: tuple[str, Result], records: dict[str, Any], url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is in memory is there for one process, so the command runs in this one."""
    source, _ = loaded
    memory = f"memory:{uuid.uuid4()}"
    with dfbackends.open(source) as backend:
        definition = backend.db.definition("oui")

    with dfbackends.open(memory) as backend:  # It is there as long as somebody holds it.
        for origin, destination in ((source, memory), (memory, url)):
            program.main(["copy", "--from", origin, "--to", destination, "oui"], standalone_mode=False)
        through = backend.db.definition("oui")

    there, back = capsys.readouterr().out.splitlines()
    [first] = run("dump", "--url", source, "oui", "--checksum", "--json").documents
    [last] = run("dump", "--url", url, "oui", "--checksum", "--json").documents
    assert there == back == f"{first['sha256']}  oui  {len(records)} entries, {len(records)} written"
    assert last == first
    assert through == definition


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_in_the_middle_of_load_the_first_acknowledged_are_there(
    registry: Path, records: dict[str, Any], url: str, seed: int
) -> None:
    batches = random.Random(seed).randrange(1, 60)
    with registry.open() as file:
        order = [json.loads(line)["key"] for line in file]

    with start("load", "--url", url, "oui", registry, "--json", "--batch", str(BATCH)) as loading:
        assert loading.stdout is not None
        for _ in range(batches):
            done = json.loads(loading.stdout.readline())["done"]
        loading.kill()
        done = max([done, *(json.loads(line)["done"] for line in loading.stdout if line.endswith("\n"))])

    stored = keys(url)
    assert stored >= set(order[:done])
    # Each batch is one transaction, and the last one may have been done without anybody hearing of it.
    assert stored in (set(order[:done]), set(order[: done + BATCH]))
    assert done < len(order)

    assert run("load", "--url", url, "oui", registry).code == 0
    assert keys(url) == records.keys()


def keys(url: str) -> set[str]:
    with dfbackends.open(url) as backend:
        return set(backend.db.keys("oui"))
