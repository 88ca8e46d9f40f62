"""Failures that are known: a file of an author, in which each has a reason and an end.

[[deviation]]
id = "KV-10"                      # a clause, or a case: test_a_name, or test_a_name[parameter]
kind = "limit of the store"
reason = "the store folds the case of keys"
until = 2027-06-30
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from datetime import date
from pathlib import Path
from typing import Any

from contract_tests.clauses import clauses
from contract_tests.report.conformance import Deviation

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FIELDS = {"id": str, "kind": str, "reason": str, "until": date}


class WrongDeviations(Exception):
    """The file can not be used; the text names it and what is wrong."""


class Deviations:
    """What is known to fail. That of a case goes before that of its clause."""

    def __init__(self, known: Iterable[Deviation] = (), path: Path = Path()) -> None:
        self.known = {deviation.id: deviation for deviation in known}
        self._path = path

    @classmethod
    def read(cls, path: Path) -> Deviations:
        """Return the deviations in a file.

        :raises WrongDeviations: it can not be read, something is missing in it or unknown, or an id comes twice
        """
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise WrongDeviations(f"{path}: {error}") from error
        rows = found.pop("deviation", [])
        if found or not isinstance(rows, list):
            raise WrongDeviations(f"{path}: only tables [[deviation]] belong into it")
        deviations = [_deviation(path, row) for row in rows]
        twice = sorted({each.id for each in deviations if [other.id for other in deviations].count(each.id) > 1})
        if twice:
            raise WrongDeviations(f"{path}: these ids come twice: {', '.join(twice)}")
        return cls(deviations, path)

    def check(self, cases: Collection[str]) -> None:
        """Return if each id is that of a clause, or one of these names of tests, with or without parameters.

        :raises WrongDeviations: one is not
        """
        bare = {case.partition("[")[0] for case in cases}
        unknown = sorted(set(self.known) - set(clauses()) - set(cases) - bare)
        if unknown:
            raise WrongDeviations(f"{self._path}: neither a clause nor a case: {', '.join(unknown)}")

    def of(self, case: str, clause: str) -> Deviation | None:
        """Return what is known of a case, by its name with parameters."""
        for name in (case, case.partition("[")[0], clause):
            if name in self.known:
                return self.known[name]
        return None


def expired(deviation: Deviation) -> bool:
    """Tell whether a deviation should be gone by now."""
    return date.fromisoformat(deviation.until) < date.today()  # noqa: DTZ011 - the author's own calendar


def _deviation(path: Path, row: Any) -> Deviation:
    if not isinstance(row, dict):
        raise WrongDeviations(f"{path}: a deviation is a table [[deviation]]")
    name = row.get("id", "a deviation without id")
    for field, kind in _FIELDS.items():
        value = row.get(field)
        # A time of a day is a date to Python.
        if type(value) is not kind or not value:
            raise WrongDeviations(f"{path}: {name}: {field} must be {'a date' if kind is date else 'a text'}")
    strange = sorted(set(row) - set(_FIELDS))
    if strange:
        raise WrongDeviations(f"{path}: {name}: unknown: {', '.join(strange)}")
    return Deviation(row["id"], row["kind"], row["reason"], row["until"].isoformat())
