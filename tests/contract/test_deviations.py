"""The file of known deviations."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract_tests.report.conformance import Deviation
from contract_tests.run.deviations import Deviations, WrongDeviations, expired

GOOD = """
[[deviation]]
id = "KV-10"
kind = "limit of the store"
reason = "it folds the case of keys"
until = 2999-06-30
[[deviation]]
id = "test_a"
kind = "fault"
reason = "later"
until = 2000-01-01
[[deviation]]
id = "test_a[cut]"
kind = "fault"
reason = "sooner"
until = 2999-01-01
"""
ROW = '[[deviation]]\nid = "KV-01"\nkind = "k"\nreason = "r"\n'


def read(folder: Path, text: str) -> Deviations:
    path = folder / "known.toml"
    path.write_text(text)
    return Deviations.read(path)


def test_the_closest_goes_first(tmp_path: Path) -> None:
    known = read(tmp_path, GOOD)

    clause = Deviation("KV-10", "limit of the store", "it folds the case of keys", "2999-06-30")
    assert known.of("test_b", "KV-10") == clause
    assert [getattr(known.of(case, "KV-10"), "reason", None) for case in ("test_a[cut]", "test_a[late]", "test_a")] == [
        "sooner",
        "later",
        "later",
    ]
    assert known.of("test_b", "KV-11") is None


def test_one_expires_after_its_last_day(tmp_path: Path) -> None:
    known = read(tmp_path, GOOD).known

    assert {name: expired(deviation) for name, deviation in known.items()} == {
        "KV-10": False,
        "test_a": True,
        "test_a[cut]": False,
    }


def test_ids_are_clauses_or_cases(tmp_path: Path) -> None:
    known = read(tmp_path, GOOD)

    known.check(["test_a[cut]", "test_b"])
    with pytest.raises(WrongDeviations, match=r"neither a clause nor a case: test_a, test_a\[cut\]$"):
        known.check(["test_b"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ROW, "KV-01: until must be a date"),
        (ROW + 'until = "2999-01-01"', "KV-01: until must be a date"),
        (ROW + "until = 2999-01-01T00:00:00", "KV-01: until must be a date"),
        (ROW.replace('"r"', '""') + "until = 2999-01-01", "KV-01: reason must be a text"),
        (ROW.replace("id", "name") + "until = 2999-01-01", "id must be a text"),
        (ROW + "until = 2999-01-01\nsince = 1", "KV-01: unknown: since"),
        (2 * (ROW + "until = 2999-01-01\n"), "these ids come twice: KV-01"),
        ('[deviation]\nid = "KV-01"', "only tables"),
        ("deviation = [1]", "a deviation is a table"),
        ("[other]", "only tables"),
        ("[[", "known.toml: "),
    ],
)
def test_a_file_that_is_wrong_says_what_is(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(WrongDeviations, match=r"^.*known\.toml: ") as caught:
        read(tmp_path, text)

    assert said in str(caught.value)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(WrongDeviations, match="No such file"):
        Deviations.read(tmp_path / "known.toml")
