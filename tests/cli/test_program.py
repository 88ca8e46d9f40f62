"""The program as a whole: its help, commands of other packages, a closed pipe."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dfbackends.cli.program import program
from tests.cli.plugged import SLOW, plugged
from tests.cli.running import PATIENCE, PROGRAM, lines, run

COMMANDS = sorted(name for name, command in program.commands.items() if not command.hidden)


def test_without_arguments_it_explains_itself() -> None:
    assert run() == run("--help")
    assert run().code == 0
    for name in COMMANDS:
        assert f"  {name} " in run("--help").out


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself_with_examples(name: str) -> None:
    shown = run(name, "-h")

    assert shown.code == 0
    assert f"dfbackends {name}" in shown.out.partition("Example")[2]


def test_an_unknown_command_names_the_closest() -> None:
    unknown = run("lode")

    assert unknown.code == 2
    assert "Did you mean 'load'?" in unknown.err


def test_a_url_is_asked_for() -> None:
    asked = run("get", "port", "p1")

    assert asked.code == 2
    assert "DFBACKENDS_URL" in asked.err


def test_a_command_called_wrongly_tells_a_machine_so(url: str) -> None:
    wrong = run("get", "--json", "--url", url, "port")

    assert (wrong.code, wrong.error["error"]) == (2, "MissingParameter")
    assert "KEY" in wrong.error["message"]


@pytest.fixture
def plugins(tmp_path: Path) -> dict[str, str]:
    """Commands of another package: one that works, one whose import fails, one that is no command, one with a name of ours."""
    code = "import click\n@click.command()\ndef hello():\n    '''Say hello.'''\n    click.echo('hello')\nnothing = 1\n"
    (tmp_path / "broken_addition.py").write_text("raise RuntimeError('not today')\n")
    points = "hello = added:hello\nsick = broken_addition:x\nnothing = added:nothing\nget = added:hello"
    return plugged(tmp_path, "added", "added", code, commands=points)


def test_other_packages_add_commands(plugins: dict[str, str]) -> None:
    assert run("hello", env=plugins) == (0, "hello\n", "")
    assert "Say hello." in run("--help", env=plugins).out


def test_a_broken_command_says_so_and_breaks_no_other(plugins: dict[str, str]) -> None:
    sick = run("sick", "--option", "x", env=plugins)
    nothing = run("nothing", "--json", env=plugins)

    assert sick.code == 3
    assert sick.err == "dfbackends: The command 'sick' of added 1.5 is broken: RuntimeError: not today\n"
    assert "no click command" in nothing.error["message"]
    assert run("hello", env=plugins).code == 0
    assert "(broken)" in run("--help", env=plugins).out


def test_a_command_of_ours_is_not_replaced(plugins: dict[str, str]) -> None:
    assert "Print the value" in run("get", "--help", env=plugins).out


def test_a_closed_pipe_ends_quietly(url: str) -> None:
    run("load", "--url", url, "t", "-", stdin=lines([{"key": f"{number:09}", "value": "x" * 100} for number in range(5_000)]))

    for command in ("ls", "dump"):
        listing = subprocess.Popen(
            [*PROGRAM, command, "--url", url, "t"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        with listing:
            assert listing.stdout is not None
            assert listing.stderr is not None
            assert "000000000" in listing.stdout.readline()
            listing.stdout.close()
            assert listing.stderr.read() == ""
        assert listing.returncode == 141


def test_an_output_that_is_full_is_an_error(url: str) -> None:
    run("put", "--url", url, "t", "k", "1")
    with open("/dev/full", "w") as full:
        listing = subprocess.run(
            [*PROGRAM, "get", "--url", url, "t", "k"], stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE, text=True
        )

    assert (listing.returncode, listing.stderr) == (3, "dfbackends: input or output: No space left on device\n")


def test_json_is_utf8_in_any_locale(url: str) -> None:
    run("put", "--url", url, "t", "k", '"Zürich ☃"')

    assert (
        run("get", "--url", url, "t", "k", env={"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}).out
        == '"Zürich ☃"\n'
    )


def test_what_is_logged_is_one_line_or_for_a_machine_an_object(tmp_path: Path) -> None:
    installed = plugged(tmp_path, "acme-store", "acme", SLOW, db="slow = acme:db")

    text = run("put", "--url", "slow:", "t", "k", "1", env=installed)
    machine = run("put", "--url", "slow:", "t", "k", "1", "--json", env=installed)

    assert (text.code, machine.code) == (0, 0)
    assert text.err.startswith("dfbackends: a deadline of 10 s ends calls before slow has replaced a dead server")
    assert machine.error == {"log": "warning", "message": text.err.removeprefix("dfbackends: ").strip()}


def test_a_fault_of_our_own_is_one_line(url: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "from dfbackends import Database\ndef entry(*arguments):\n    raise ZeroDivisionError('oops')\nDatabase.entry = entry\n"
    )

    failed = run("get", "--url", url, "t", "k", env={"PYTHONPATH": str(tmp_path)})

    assert failed.code == 3
    assert "a fault in dfbackends itself, ZeroDivisionError: oops" in failed.err


def test_the_script_is_installed() -> None:
    script = Path(sys.executable).with_name("dfbackends")

    shown = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=PATIENCE)

    assert shown.stdout.startswith("dfbackends ")
