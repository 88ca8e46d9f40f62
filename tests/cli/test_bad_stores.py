"""Whole tables moved from, or to, stores that can not be used: a clear error, and nothing written."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from dfbackends import TableDefinition
from tests.cli.copying import copied, create, definition, dumped, entries, load
from tests.cli.following import Lines
from tests.cli.running import PATIENCE, lines, run, start

MOVING = [("load", "ports", "-"), ("dump", "ports"), ("watch", "ports")]
MOVES = [move[0] for move in MOVING]


@pytest.mark.parametrize("move", MOVING, ids=MOVES)
def test_an_unknown_backend_names_the_closest(move: tuple[str, ...]) -> None:
    command, *arguments = move

    unknown = run(command, "--url", "sqlit:app.db", *arguments)

    assert unknown.code == 2
    assert "did you mean 'sqlite'?" in unknown.err


@pytest.mark.parametrize("move", MOVING, ids=MOVES)
def test_a_file_that_this_user_may_only_read_is_forbidden(url: str, tmp_path: Path, move: tuple[str, ...]) -> None:
    load(url, entries(3))
    (tmp_path / "app.db").chmod(0o400)
    command, *arguments = move

    refused = run(command, "--url", url, "--json", *arguments, stdin=lines(entries(9)), unprivileged=True)

    assert (refused.code, refused.error["code"]) == (3, "forbidden")
    assert "app.db" in refused.error["message"]
    assert dumped(url) == entries(3)


def test_a_copy_from_or_to_an_unknown_backend_makes_no_store(url: str, other: str, tmp_path: Path) -> None:
    for origin, destination in (("sqlit:app.db", other), (url, "sqlit:other.db"), (url, f"{other}?log_row=5")):
        unknown = copied(origin, destination)

        assert unknown.code == 2
        assert "did you mean" in unknown.err
    assert list(tmp_path.iterdir()) == []


def test_a_store_is_not_copied_onto_itself_however_it_is_spelled(url: str, tmp_path: Path) -> None:
    load(url, entries(3))
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    spellings = [
        url,
        f"sqlite:{os.path.relpath(tmp_path / 'app.db')}",
        f"sqlite:{tmp_path}/folder/../app.db",
        f"sqlite:{tmp_path.parent}//{tmp_path.name}/./app.db",
        f"sqlite:{tmp_path}/link/app.db",
        f"sqlite:{tmp_path}/app%2Edb?deadline=5",
    ]

    for spelling in spellings:
        wrong = copied(url, spelling, "--overwrite")

        assert wrong.code == 2, spelling
        assert "--from and --to are the same store" in wrong.err
    assert copied("memory:one", "memory:one").code == 2


def test_one_namespace_of_a_store_is_copied_to_another(url: str) -> None:
    create(url, "ports", {"type": "object"}, partition="net")
    load(url, entries(3))

    assert copied(url, f"{url}?namespace=two").code == 0

    assert dumped(f"{url}?namespace=two") == entries(3)
    assert definition(f"{url}?namespace=two") == TableDefinition("ports", {"type": "object"}, "net", 1)


def test_a_target_that_this_user_may_only_read_is_forbidden(url: str, other: str, tmp_path: Path) -> None:
    load(url, entries(3))
    load(other, entries(1))
    (tmp_path / "other.db").chmod(0o400)

    refused = run("copy", "--from", url, "--to", other, "--overwrite", "--json", unprivileged=True)

    assert (refused.code, refused.out, refused.error["code"]) == (3, "", "forbidden")
    assert "other.db" in refused.error["message"]
    assert dumped(other) == entries(1)


def test_a_target_that_is_something_else_is_left_alone(url: str, tmp_path: Path) -> None:
    load(url, entries(3))
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, this is a letter. " * 100)

    wrong = copied(url, f"sqlite:{path}", "--overwrite")

    assert wrong.code == 2
    assert str(path) in wrong.err
    assert path.read_text() == "Dear reader, this is a letter. " * 100


def test_ctrl_c_ends_a_dump(url: str) -> None:
    load(url, [{"key": f"k{number}", "value": "x" * 1000} for number in range(3000)])

    with start("dump", "--url", url, "ports", "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        # Three megabytes are more than the pipe takes.
        process.send_signal(signal.SIGINT)
        rest = Lines(process.stdout)
        while rest.next():
            pass

        assert process.wait(PATIENCE) == 130
        assert json.loads(process.stderr.read())["message"] == "interrupted"
