"""The plugin of pytest: options, and what cases ask for. Without cases it does nothing."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from contract_tests.run.contract import NAME, Contract

if TYPE_CHECKING:
    from contract_tests.counts import Counts
    from contract_tests.notes import Recoveries
    from contract_tests.report.tally import Tally
    from contract_tests.running import Running

pytest.register_assert_rewrite("contract_tests.cases", "contract_tests.clients.inbox", "contract_tests.clients.processes")

_ROUND = "contract_round"


@pytest.fixture(scope="session")
def contract_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The harnesses that this run has started."""
    from contract_tests.running import Running

    running = Running(tmp_path_factory)
    yield running
    running.stop()


@pytest.fixture
def counts(pytestconfig: pytest.Config) -> Counts:
    """The figures of the profile."""
    from contract_tests.counts import PROFILES

    return PROFILES[pytestconfig.getoption("contract_profile")]


@pytest.fixture
def seed(pytestconfig: pytest.Config) -> int:
    """Where everything that a case leaves to chance begins."""
    found: int = pytestconfig.getoption("contract_seed")
    return found


@pytest.fixture
def recoveries(request: pytest.FixtureRequest) -> Recoveries:
    """Takes how long it took until a fault was told, and until all was well again."""
    from contract_tests.notes import NOTES, Notes

    notes: Notes = request.node.stash[NOTES]
    return notes.recoveries


@pytest.fixture
def contract_tally(pytestconfig: pytest.Config) -> Tally:
    """What became of the cases so far."""
    contract: Contract | None = pytestconfig.pluginmanager.get_plugin(NAME)
    assert contract is not None
    return contract.tally


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    add = parser.getgroup("dfbackends contract").addoption
    add(
        "--contract-profile",
        choices=("full", "quick"),
        default="full",
        help="the figures of the clauses and all levels, or reduced figures and the levels Core and Concurrent",
    )
    add("--contract-report", metavar="DIR", help="write conformance.json, junit.xml and index.html into this folder")
    add("--contract-seed", type=int, metavar="N", help="repeat what another run left to chance (default: a new one, printed)")
    add("--contract-repeat", type=int, default=1, metavar="N", help="run each case so often; one that fails once has failed")
    add("--contract-deviations", metavar="FILE", help="failures that are known, in TOML: id, kind, reason, until")
    add("--contract-clause", action="append", default=[], metavar="ID", help="run the cases of this clause; may be repeated")
    add(
        "--contract-case",
        action="append",
        default=[],
        metavar="WORD",
        help="run cases with this in their names; may be repeated",
    )
    # How the command began that has started this run.
    add("--contract-command", default="", help=argparse.SUPPRESS)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks, and settle the options before anybody else looks at them."""
    config.addinivalue_line("markers", "clause(case): a case of the contract of dfbackends, see contract_tests.marks")
    config.addinivalue_line("markers", "after_all_cases: runs behind all cases of the contract")
    option = config.option
    if option.contract_seed is None:
        option.contract_seed = secrets.randbelow(1 << 32)
    if option.contract_report and not option.xmlpath:
        option.xmlpath = f"{option.contract_report}/junit.xml"
    contract = Contract(config)
    contract.check()
    config.pluginmanager.register(contract, NAME)


# Behind all others, so that the number of the repetition ends the id of the test.
@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make of each case as many as were asked for."""
    times: int = metafunc.config.getoption("contract_repeat")
    if times > 1 and metafunc.definition.get_closest_marker("clause") is not None:
        metafunc.fixturenames.append(_ROUND)
        metafunc.parametrize(_ROUND, [f"round{number}of{times}" for number in range(1, times + 1)], indirect=True)


@pytest.fixture
def contract_round(request: pytest.FixtureRequest) -> str:
    """Which repetition of a case this is."""
    name: str = request.param
    return name
