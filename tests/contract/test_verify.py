"""The command verify: what it says of a backend, and how it ends."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from contract_tests.report.conformance import Conformance, Outcome, Result
from tests.cli.running import run
from tests.contract.mutants import installed
from tests.drivers import remote

CASE = "test_entries_of_a_topic"


@pytest.fixture
def beside(tmp_path: Path) -> dict[str, str]:
    """The environment in which the mutants are installed."""
    folder = tmp_path / "installed"
    folder.mkdir()
    return installed(folder)


def read(folder: Path) -> Conformance:
    return Conformance.read(folder / "conformance.json")


def of(report: Conformance, test: str) -> Result:
    [found] = [result for result in report.results if result.test == test]
    return found


def test_a_backend_that_keeps_a_clause(tmp_path: Path) -> None:
    """Nothing but a name is needed; the folder has all three files."""
    result = run("verify", "memory", "--clause", "KV-02", "--seed", "7", "--report", tmp_path / "out")

    assert (result.code, result.err) == (0, "")
    assert "memory: " in result.out
    assert "seed 7" in result.out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"conformance.json", "junit.xml", "index.html"}
    report = read(tmp_path / "out")
    assert {each.clause for each in report.results} == {"KV-02"}
    assert {each.outcome for each in report.results} == {Outcome.PASSED}
    assert report.driver.name == "dfbackends"
    assert report.extent.seed == 7
    assert report.extent.partial
    assert [limit.name for limit in report.limits] == ["name", "topic", "value", "commit"]


def test_a_backend_that_fails_says_what_and_how(tmp_path: Path, beside: dict[str, str]) -> None:
    """Clause, norm, what was done, what was expected and seen, and the command that runs just this again."""
    result = run("verify", "overlooking", "--clause", "TOPIC-01", "--report", tmp_path / "out", env=beside)

    assert result.code == 1
    assert result.err.startswith("dfbackends: overlooking: ")
    failed = [each for each in read(tmp_path / "out").results if each.outcome is Outcome.FAILED]
    assert failed
    for each in failed:
        assert each.reason.startswith("AssertionError")
        assert "clause   TOPIC-01: entries(table, topic)" in each.reason
        assert f"case     {each.test}: " in each.reason
        assert re.search(r"\d  handle \d\.db: (entries|keys)\(table='.*', topic='", each.reason)
        assert "assert" in each.reason
        assert each.again.startswith("dfbackends verify overlooking --case ")
        assert each.reason in "\n".join(line.removeprefix("    ") for line in result.out.splitlines())

    again = run(*each.again.split()[1:], env=beside)
    assert again.code == 1
    assert "1 failed" in again.out


def test_the_same_for_machines(tmp_path: Path, beside: dict[str, str]) -> None:
    result = run("verify", "overlooking", "--clause", "TOPIC-01", "--clause", "KV-02", "--json", env=beside)

    assert result.code == 1
    [document] = result.documents
    assert document["backend"] == "overlooking"
    assert document["counts"]["passed"] > 0
    assert document["level"] is None
    assert {each["clause"] for each in document["failed"]} == {"TOPIC-01"}
    assert result.error["error"] == "Declined"


def test_a_case_of_mixed_outcomes_has_failed(tmp_path: Path, beside: dict[str, str]) -> None:
    """It is not run again until it passes; how often it passed is said."""
    result = run(
        "verify", "flaky", "--clause", "TOPIC-01", "--repeat", "4", "--report", tmp_path / "out", "--profile", "quick",
        "--processes", "1", env=beside,
    )  # fmt: skip

    assert result.code == 1
    mixed = [each for each in read(tmp_path / "out").results if 0 < each.passed < each.runs]
    assert mixed
    for each in mixed:
        assert each.outcome is Outcome.FAILED
        assert each.runs == 4
        assert each.reason.startswith(f"{each.passed} of 4 runs passed: ")
        assert f"    {each.test}: {each.passed} of 4 runs passed" in result.out.splitlines()


def test_several_processes_say_the_same(tmp_path: Path) -> None:
    one, two = (
        run(
            "verify",
            "memory",
            "--clause",
            "KV-05",
            "--clause",
            "CAS-04",
            "--processes",
            str(number),
            "--report",
            tmp_path / str(number),
        )
        for number in (1, 2)
    )

    assert one.code == two.code == 0
    said = [{(each.test, each.clause, each.outcome, each.reason) for each in read(tmp_path / name).results} for name in "12"]
    assert said[0] == said[1]
    assert {each[2] for each in said[0]} == {Outcome.PASSED, Outcome.NOT_APPLICABLE}
    assert read(tmp_path / "1").limits == read(tmp_path / "2").limits


def test_what_a_run_left_to_chance_is_repeated(tmp_path: Path, beside: dict[str, str]) -> None:
    """With the same seed the same is written, step by step; with another one something else."""
    noted = [tmp_path / name for name in ("first", "again", "other")]
    for place, seed in zip(noted, ("11", "11", "12"), strict=True):
        arguments = ("verify", "noting", "--clause", "KV-07", "--profile", "quick", "--seed", seed)
        assert run(*arguments, env=beside | {"NOTED": str(place)}).code == 0

    first, again, other = (place.read_text().splitlines() for place in noted)
    assert len(first) > 100
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["no-such-backend"], 2, "no backend is installed under the name 'no-such-backend' .installed: .*memory.*sqlite"),
        (["memori"], 2, "did you mean 'memory'"),
        (["unshipped"], 2, "'unshipped' ships no harness .*: say where one runs, --url unshipped://"),
        (["dead"], 2, "'dead' needs a server: say where one runs, --url dead:.*, or let its harness start one, --start"),
        (["memory", "--url", "sqlite:a.db"], 2, "the URL is one of 'sqlite', not of 'memory'"),
        (["dead", "--url", "dead:x", "--start"], 2, "exclude each other"),
        (["memory", "--clause", "KV-99"], 2, "no such clause: KV-99"),
        (["memory", "--case", "no_such_case"], 2, "no case has this in its name: no_such_case"),
        (["memory", "--repeat", "0"], 2, "--repeat"),
        (["dead", "--start"], 3, "the server ended with code 7 .*command: .*no room on the disk.*output: no room on the disk"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_line(beside: dict[str, str], arguments: list[str], code: int, said: str) -> None:
    result = run("verify", *arguments, env=beside)

    assert result.code == code, result
    assert re.search(said, result.err), result.err
    assert result.out == ""


def test_a_case_that_hangs(tmp_path: Path, beside: dict[str, str]) -> None:
    """It fails by its time-out, says where it and all other threads were, and the next one runs."""
    cases = ("--case", "test_a_topic_lists_exactly", "--case", "test_another_topic_moves", "--case", "test_entry_tells_key")
    result = run("verify", "hanging", *cases, "--report", tmp_path / "out", env={**beside, "DFB_TIME_FACTOR": "0.08"})

    assert result.code == 1
    found = {each.test: each for each in read(tmp_path / "out").results}
    assert found["test_entry_tells_key_value_topic_and_revision"].outcome is Outcome.PASSED
    for case in ("test_a_topic_lists_exactly_its_entries", "test_another_topic_moves_the_entry"):
        assert found[case].outcome is Outcome.FAILED
        assert re.match(r"Failed: Timeout \(>4.8s\)", found[case].reason)
        assert re.search(r"the case was here\n(.*\n)+.*mutants.py.* in scan", found[case].reason)


def test_a_server_that_does_not_answer(beside: dict[str, str]) -> None:
    """It is given up, ended, and what it printed is told."""
    result = run("verify", "deaf", "--start", env={**beside, "DFB_TIME_FACTOR": "0.3"})

    assert result.code == 3
    assert re.search(r"did not answer on port \d+ within 4.5 s .*output: still thinking", result.err)


def test_nothing_answers_at_the_address() -> None:
    with remote.installed():
        result = run("verify", "remote", "--url", "remote://127.0.0.1:9?timeout=0.2")

    assert result.code == 3
    assert result.err.startswith("dfbackends: ")
    assert result.out == ""


def test_a_backend_with_a_server_of_its_own(tmp_path: Path) -> None:
    """It is started, and struck by what networks do; without it the same cases have not been run."""
    with remote.installed():
        started = run("verify", "remote", "--start", "--case", "test_down_is_told_at_once", "--report", tmp_path / "out")

    assert started.code == 0, started
    [result] = read(tmp_path / "out").results
    assert result.faults
    [recovery] = read(tmp_path / "out").recoveries
    assert recovery.detection is not None
    assert recovery.recovery is not None
    assert read(tmp_path / "out").place.server == f"2 x {Path(sys.executable).name}"


def test_a_server_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """What would have to be done to it is reported as not run."""
    arguments = ("--case", "test_down_is_told_at_once", "--clause", "LOSS-01", "--json")
    with remote.installed():
        from contract_tests.served import registered

        server = registered("remote")
        folder = tmp_path / "server"
        folder.mkdir()
        server.start(folder)
        try:
            result = run("verify", "remote", "--url", server.url(), *arguments)
        finally:
            server.stop()

    assert result.documents[0]["counts"] == {"not run": 1}
    assert (result.code, result.error["message"]) == (1, "remote: none of 1 cases was run")


def test_tests_and_settings_of_where_it_is_started_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("raise SystemExit('the conftest of somebody')")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")

    result = run("verify", "memory", "--clause", "KV-02", cwd=tmp_path, env={"PYTEST_ADDOPTS": "--no-such-option"})

    assert result.code == 0, result
    assert {path.name for path in tmp_path.iterdir()} == {"conftest.py", "pytest.ini"}
