"""What an operator is promised of mirrors, of health, and of the log."""

from __future__ import annotations

import secrets
from contextlib import ExitStack

import pytest

import dfbackends
from contract_tests.checks.copies import wait_equal
from contract_tests.clients.traffic import Traffic
from contract_tests.waiting import Stopwatch
from dfbackends.drivers.memory import MemoryPubSub, shared
from tests.figures import Claim
from tests.unit.test_health import Gated
from tests.unit.test_logs import MOST, Watched, logged, outage

pytestmark = [pytest.mark.claims, pytest.mark.timeout(180)]

STARTS = 200
MIRRORS = 50


def test_each_start_of_a_mirror_comes_to_equal_the_store(claim: Claim) -> None:
    def equal() -> float:
        with dfbackends.open("memory:") as backend, Traffic([backend.db], "t", ["", "a"], seed=0) as traffic:
            for _ in range(STARTS):
                # Nothing but the snapshot and the changes makes it equal: it is not compared in that time.
                with backend.mirror("t", check_interval=300) as mirror:
                    mirror.wait_synced(20)
                    with traffic.paused():
                        wait_equal(mirror, backend.db)
            assert traffic.written > STARTS
        return STARTS

    claim("starts of a mirror beside a writer that came to equal the store", equal, at_least=STARTS)


def test_mirrors_share_a_line(claim: Claim) -> None:
    def lines() -> float:
        store = shared(secrets.token_hex(8))
        driver = Watched(store)
        with dfbackends.assemble(driver, MemoryPubSub(store)) as backend, ExitStack() as opened:
            for number in range(MIRRORS):
                opened.enter_context(backend.mirror(f"t{number}")).wait_synced(10)
            return len(driver.feeds)

    claim(f"lines of {MIRRORS} mirrors", lines, at_most=1)


def test_health_is_told_though_the_store_hangs(claim: Claim) -> None:
    def seconds() -> float:
        store = shared(secrets.token_hex(8))
        driver = Gated(store)
        with dfbackends.assemble(driver, MemoryPubSub(store)) as backend:
            driver.reading.clear()
            driver.writing.clear()
            watch = Stopwatch()
            assert not backend.health().well
            passed = watch.seconds
            driver.open()
            return passed

    claim("health of a store that hangs", seconds, at_most=1, unit="s")


def test_an_outage_takes_few_lines(claim: Claim) -> None:
    def count() -> float:
        with logged() as lines:
            outage(lines, watches=True, resumes=False)
        return len(lines)

    claim("lines of the log for an outage of ten minutes", count, at_most=MOST)
