"""One entry by the command line."""

from __future__ import annotations

import json

from tests.cli.running import run

PORT = {"mac": "fa:16:3e:00:00:01", "name": "Zürich ☃"}


def test_what_was_created_is_printed_as_json(url: str) -> None:
    created = run("create", "--url", url, "port", "p1", json.dumps(PORT), "--topic", "tenant-1")

    found = run("get", "--url", url, "port", "p1")

    assert (created.code, found.code) == (0, 0)
    assert json.loads(found.out) == PORT
    assert "Zürich ☃" in found.out


def test_json_prints_the_whole_entry(url: str) -> None:
    [created] = run("create", "--url", url, "port", "p1", json.dumps(PORT), "--topic", "tenant-1", "--json").documents

    [found] = run("get", "--url", url, "port", "p1", "--json").documents

    assert found == {"key": "p1", "value": PORT, "topic": "tenant-1", "revision": created["revision"]}


def test_a_value_is_read_from_standard_input(url: str) -> None:
    assert run("put", "--url", url, "port", "p1", stdin=json.dumps(PORT)).code == 0
    assert run("put", "--url", url, "port", "p2", "-", stdin='"plain"').code == 0

    assert json.loads(run("get", "--url", url, "port", "p1").out) == PORT
    assert run("get", "--url", url, "port", "p2").out == '"plain"\n'


def test_the_url_may_come_from_the_environment(url: str) -> None:
    assert run("put", "port", "p1", "1", env={"DFBACKENDS_URL": url}).code == 0

    assert run("get", "--url", url, "port", "p1").out == "1\n"


def test_a_missing_key_is_no(url: str) -> None:
    found = run("get", "--url", url, "port", "p1")

    assert found == (1, "", "dfbackends: port: 'p1' does not exist\n")
    assert run("update", "--url", url, "port", "p1", "1").code == 1
    assert run("delete", "--url", url, "port", "p1").code == 1


def test_an_error_for_machines_is_an_object(url: str) -> None:
    found = run("get", "--url", url, "port", "p1", "--json")

    assert found.code == 1
    assert found.error == {"error": "KeyNotFound", "message": "port: 'p1' does not exist"}


def test_creating_twice_is_no_and_changes_nothing(url: str) -> None:
    run("create", "--url", url, "port", "p1", "1")

    assert run("create", "--url", url, "port", "p1", "2").code == 1
    assert run("get", "--url", url, "port", "p1").out == "1\n"


def test_a_stale_revision_is_no_and_changes_nothing(url: str) -> None:
    first = run("put", "--url", url, "port", "p1", "1").out.strip()
    second = run("update", "--url", url, "port", "p1", "2", "--revision", first)

    again = run("update", "--url", url, "port", "p1", "3", "--revision", first, "--json")

    assert second.code == 0
    assert again.code == 1
    assert again.error == {
        "error": "Conflict",
        "message": "port: the key is not at the revision that was expected: 'p1'",
    }
    assert run("delete", "--url", url, "port", "p1", "--revision", first).code == 1
    assert run("get", "--url", url, "port", "p1").out == "2\n"


def test_update_keeps_the_topic_and_put_replaces_it(url: str) -> None:
    run("put", "--url", url, "port", "p1", "1", "--topic", "a")

    run("update", "--url", url, "port", "p1", "2")
    kept = run("ls", "--url", url, "port", "--topic", "a").out
    run("put", "--url", url, "port", "p1", "3")

    assert kept == "p1\n"
    assert run("ls", "--url", url, "port", "--topic", "a").out == ""


def test_deleted_is_gone(url: str) -> None:
    run("put", "--url", url, "port", "p1", "1")

    assert run("delete", "--url", url, "port", "p1") == (0, "", "")
    assert run("get", "--url", url, "port", "p1").code == 1
