"""All cases together: what a backend's own test inherits from."""

from __future__ import annotations

from typing import ClassVar

from contract_tests.cases.announcements import AnnouncementCases
from contract_tests.cases.batches import BatchCases
from contract_tests.cases.calms import CalmCases
from contract_tests.cases.changes import ChangeCases
from contract_tests.cases.commits import CommitCases
from contract_tests.cases.configuration import ConfigurationCases
from contract_tests.cases.crowds import CrowdCases
from contract_tests.cases.declarations import DeclarationCases
from contract_tests.cases.doubts import DoubtCases
from contract_tests.cases.endings import EndingCases
from contract_tests.cases.errors import ErrorCases
from contract_tests.cases.failovers import FailoverCases
from contract_tests.cases.failures import FailureCases
from contract_tests.cases.handlers import HandlerCases
from contract_tests.cases.histories import HistoryCases
from contract_tests.cases.ids import IdCases
from contract_tests.cases.isolation import IsolationCases
from contract_tests.cases.keys import KeyCases
from contract_tests.cases.life import LifeCases
from contract_tests.cases.lines import LineCases
from contract_tests.cases.listing import ListingCases, TopicCases
from contract_tests.cases.loading import LoadingCases
from contract_tests.cases.losses import LossCases
from contract_tests.cases.messages import MessageCases
from contract_tests.cases.mirrors import MirrorCases
from contract_tests.cases.model import ModelCases
from contract_tests.cases.names import NameCases
from contract_tests.cases.outages import OutageCases
from contract_tests.cases.overflows import OverflowCases
from contract_tests.cases.processes import ProcessCases
from contract_tests.cases.renewals import RenewalCases
from contract_tests.cases.replacements import ReplacementCases
from contract_tests.cases.revisions import RevisionCases
from contract_tests.cases.schemas import SchemaCases
from contract_tests.cases.slices import SliceCases
from contract_tests.cases.staleness import StalenessCases
from contract_tests.cases.tables import TableCases
from contract_tests.cases.transactions import TransactionCases
from contract_tests.cases.undone import UndoneCases
from contract_tests.cases.values import ValueCases
from contract_tests.served import ServedHarness, registered
from contract_tests.servers.server import Server


class BackendContract(
    KeyCases,
    NameCases,
    ValueCases,
    SchemaCases,
    TableCases,
    ListingCases,
    TopicCases,
    ModelCases,
    RevisionCases,
    IdCases,
    BatchCases,
    UndoneCases,
    TransactionCases,
    IsolationCases,
    CommitCases,
    AnnouncementCases,
    MessageCases,
    EndingCases,
    HandlerCases,
    OverflowCases,
    CrowdCases,
    LineCases,
    RenewalCases,
    LossCases,
    CalmCases,
    MirrorCases,
    ChangeCases,
    StalenessCases,
    LoadingCases,
    ReplacementCases,
    SliceCases,
    LifeCases,
    ProcessCases,
    ErrorCases,
    FailureCases,
    DoubtCases,
    OutageCases,
    FailoverCases,
    HistoryCases,
    ConfigurationCases,
    DeclarationCases,
):
    """The contract of a backend. A test of a backend is a subclass that names the entry point ``backend``.

    ``server`` tells how its store is had; what a distribution has registered is taken where it is not given. What is no entry
    point is tested by a ``harness`` of its own.
    """

    backend: ClassVar[str]

    @classmethod
    def server(cls) -> Server:
        """Return how the store is had; it is started for the first case."""
        return registered(cls.backend)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "backend" in vars(cls):
            cls.harness = ServedHarness(cls.backend, cls.server())
