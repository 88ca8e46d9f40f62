"""Messages that are kept in the tables of an installed backend: faults strike them, too."""

from __future__ import annotations

from contract_tests import ServedHarness, Server
from contract_tests.cases.announcements import AnnouncementCases
from contract_tests.cases.doubts import DoubtCases
from contract_tests.cases.lines import LineCases
from contract_tests.cases.losses import LossCases


class TestKept(AnnouncementCases, DoubtCases, LossCases, LineCases):
    """A backend that brings nothing for messages."""

    harness = ServedHarness("memory", Server.embedded("memory:kept?pubsub=log"))
