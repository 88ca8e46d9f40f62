"""Bad input, each a clear error on one line, and nothing changed."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from tests.cli.plugged import plugged
from tests.cli.running import Result, lines, run


def put(url: str, *arguments: str | bytes) -> Result:
    return run("put", "--url", url, *(arguments or ("t", "k", "1")))


def test_an_unknown_backend_names_the_closest() -> None:
    unknown = put("sqlit:app.db")

    assert unknown.code == 2
    assert "did you mean 'sqlite'? (installed: etcd, memory, " in unknown.err


def test_a_backend_that_is_known_but_not_installed_names_its_package(tmp_path: Path) -> None:
    hidden = plugged(tmp_path, "dfbackends_etcd", "empty", "")  # Stands before the one that is installed.

    unknown = run("put", "--url", "etcd://127.0.0.1", "t", "k", "1", env=hidden)

    assert unknown.code == 2
    assert "it comes with the package dfbackends-etcd" in unknown.err


@pytest.mark.parametrize("url", ["app.db", "", ":", "/tmp/app.db", "sqlite", "sqlite:", "sqlite://host/app.db"])
def test_what_is_no_url_is_told_the_form(url: str, tmp_path: Path) -> None:
    wrong = run("put", "--url", url, "t", "k", "1", cwd=tmp_path)

    assert wrong.code == 2
    assert "sqlite:" in wrong.err
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_parameter_names_the_closest(url: str, tmp_path: Path) -> None:
    unknown = put(f"{url}?log_row=5")

    assert unknown.code == 2
    assert "did you mean 'log_rows'?" in unknown.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("parameter", ["log_rows=many", "log_rows=0", "deadline=soon", "log_rows=5&log_rows=6", "log_rows"])
def test_a_parameter_that_is_not_legal_is_named(url: str, tmp_path: Path, parameter: str) -> None:
    wrong = put(f"{url}?{parameter}")

    assert wrong.code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    wrong = put(f"sqlite:{tmp_path}")

    assert wrong.code == 2
    assert "is a directory" in wrong.err
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_missing_is_not_made(tmp_path: Path) -> None:
    wrong = put(f"sqlite:{tmp_path}/missing/app.db")

    assert wrong.code == 2
    assert "missing is not a directory" in wrong.err
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, this is a letter. " * 100)

    wrong = put(f"sqlite:{path}")

    assert wrong.code == 2
    assert str(path) in wrong.err
    assert path.read_text() == "Dear reader, this is a letter. " * 100


def test_a_database_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE mine (x)")
    other.close()
    before = path.read_bytes()

    wrong = put(f"sqlite:{path}")

    assert wrong.code == 2
    assert path.read_bytes() == before


def test_a_file_that_this_user_may_not_read_is_forbidden(url: str, tmp_path: Path) -> None:
    put(url)
    (tmp_path / "app.db").chmod(0)

    refused = run("get", "--url", url, "t", "k", "--json", unprivileged=True)

    assert (refused.code, refused.error["code"]) == (3, "forbidden")
    assert "app.db" in refused.error["message"]


def test_a_folder_that_this_user_may_not_write_is_forbidden(url: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    refused = run("put", "--url", url, "t", "k", "1", "--json", unprivileged=True)

    assert (refused.code, refused.error["code"]) == (3, "forbidden")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_for_its_user_only(url: str, tmp_path: Path) -> None:
    put(url)

    assert stat.S_IMODE((tmp_path / "app.db").stat().st_mode) == 0o600


def test_a_full_disk_is_told_and_what_was_stored_stays(url: str) -> None:
    """The limit on the size of the file stands for the disk: SQLite reports both alike."""
    entries = [{"key": f"k{number}", "value": "x" * 1000} for number in range(5000)]

    full = run("load", "--url", f"{url}?max_size=1", "t", "-", "--json", "--batch", "100", stdin=lines(entries))

    assert (full.code, full.error["code"]) == (3, "full")
    done = full.error["done"]
    assert done == full.documents[-1]["done"] > 0
    assert len(run("ls", "--url", url, "t").out.split()) == done
    assert run("load", "--url", url, "t", "-", stdin=lines(entries)).code == 0


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("{", "not JSON"),
        ("", "not JSON"),
        ("{'mac': 1}", "not JSON"),
        ("NaN", "NaN is not allowed"),
        ("[1e999]", "too large"),
        ("9223372036854775808", "outside of -2^63"),
        ('{"a": 1, "a": 2}', "the same key twice"),
        ('"\\ud800"', "lone surrogate"),
        ("[" * 65 + "]" * 65, "deeper than 64"),
        ("[" * 100_000, "not JSON"),
        ('"' + "x" * (1 << 20) + '"', "at most 1048576"),
    ],
    ids=lambda text: text[:30],
)
def test_a_value_that_is_not_legal_is_no(url: str, value: str, reason: str) -> None:
    put(url, "t", "k", "1")

    refused = run("put", "--url", url, "t", "k", stdin=value)

    assert refused.code == 1
    assert reason in refused.err
    assert run("get", "--url", url, "t", "k").out == "1\n"


def test_a_value_that_is_far_too_long_is_refused_before_it_is_all_read(url: str) -> None:
    refused = run("put", "--url", url, "t", "k", stdin=b'"' + b"x" * (8 << 20))

    assert refused.code == 1
    assert "longer than any value" in refused.err


@pytest.mark.parametrize(
    ("table", "key", "topic", "reason"),
    [
        ("", "k", "", "a table is not empty"),
        ("t", "", "", "a key is not empty"),
        (b"\xff", "k", "", "lone surrogate"),
        ("t", b"\xed\xa0\x80", "", "lone surrogate"),
        ("t", "k", b"\xff", "lone surrogate"),
        ("t", "k" * 513, "", "at most"),
        ("t", "k", "k" * 257, "at most"),
    ],
)
def test_a_name_that_is_not_legal_is_no(
    url: str, table: str | bytes, key: str | bytes, topic: str | bytes, reason: str
) -> None:
    refused = put(url, table, key, "1", "--topic", topic)

    assert refused.code == 1
    assert reason in refused.err
    assert run("tables", "--url", url).out == ""


def test_an_empty_topic_is_no_topic_of_messages(url: str) -> None:
    assert run("publish", "--url", url, "", "1").code == 1
    assert run("subscribe", "--url", url, "").code == 1


def test_an_announcement_that_is_not_json_keeps_the_write_away(url: str) -> None:
    refused = put(url, "t", "k", "1", "--announce", "topic", "{")

    assert refused.code == 1
    assert "--announce" in refused.err
    assert run("get", "--url", url, "t", "k").code == 1


def test_a_password_in_a_url_is_not_repeated() -> None:
    for url in ("redis://user:hunter2@host", "sqlite://user:hunter2@host/x", "hunter2"):
        assert "hunter2" not in put(url).err
