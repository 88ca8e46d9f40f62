"""What drivers say of the settings of their servers is passed on, and never in the way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dfbackends
from dfbackends.api import DbApi, Finding, Inspecting
from dfbackends.drivers.memory import MemoryPubSub, shared
from tests.cli.plugged import POOR, plugged
from tests.cli.running import run
from tests.drivers.poor import Gone, PoorDb, PoorStore

GRAVE, SLIGHT = Finding("it forgets", grave=True), Finding("it is old")

FORGETFUL = (
    POOR
    + """
import dataclasses
from dfbackends.api import Finding, Inspecting

class Forgetful(PoorDb, Inspecting):
    def inspect(self):
        return [Finding("it forgets", grave=True), Finding("it is old")]

db = dataclasses.replace(db, provides=Forgetful, open=lambda settings, deadline: Forgetful(PoorStore()))
"""
)


class Looking(PoorDb, Inspecting):
    """Tells findings, or fails."""

    def __init__(self, found: Sequence[Finding] | Exception) -> None:
        super().__init__(PoorStore())
        self._found = found

    def inspect(self) -> Sequence[Finding]:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


class LookingPubSub(MemoryPubSub, Inspecting):
    """Tells of itself."""

    def inspect(self) -> Sequence[Finding]:
        return [Finding("it carries messages")]


@contextmanager
def assembled(db: DbApi, *, atomic: bool = False) -> Iterator[dfbackends.Backend]:
    with dfbackends.assemble(db, LookingPubSub(shared("inspecting")), atomic=atomic) as backend:
        yield backend


def test_findings_of_store_and_carrier_are_returned_and_of_one_backend_those_of_the_store() -> None:
    with assembled(Looking([GRAVE, SLIGHT])) as backend:
        assert backend.findings() == [GRAVE, SLIGHT, Finding("it carries messages")]
    with assembled(Looking([GRAVE]), atomic=True) as backend:
        assert backend.findings() == [GRAVE]


def test_a_driver_that_can_not_look_is_a_finding_and_no_error() -> None:
    with assembled(Looking(Gone("secret")), atomic=True) as backend:
        [finding] = backend.findings()

    assert finding == Finding("the settings of the servers could not be looked at: unreachable")


def test_opening_logs_what_is_grave_and_check_lists_all(tmp_path: Path) -> None:
    installed = plugged(tmp_path, "acme-store", "acme", FORGETFUL, db="forgetful = acme:db")

    listed = run("tables", "--url", "forgetful:", env=installed)
    checked = run("check", "--url", "forgetful:", "--json", env=installed)

    assert listed.code == 0
    assert "forgetful: it forgets" in listed.err
    assert (checked.code, checked.documents[0]["warnings"]) == (1, ["it forgets", "it is old"])
    assert json.loads(checked.err)["message"] == "it forgets; it is old"
