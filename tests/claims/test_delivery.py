"""What messages cost between a driver and a handler (G11, G12)."""

from __future__ import annotations

import pytest

from benchmarks import delivery
from tests.figures import Claim

pytestmark = pytest.mark.claims


def test_a_message_takes_little_of_the_processor(claim: Claim) -> None:
    def measure() -> float:
        return min(delivery.delivery(delivery.SMALL, 50_000).cpu for _ in range(5))

    claim("a small message to a handler", measure, at_most=delivery.SMALL_CPU, unit="us of the processor")


def test_the_hop_to_the_handler_is_short(claim: Claim) -> None:
    claim("from the reader to the handler", lambda: delivery.hop().ratio, at_most=delivery.HOP, unit="times by hand")


def test_an_idle_line_takes_nothing(claim: Claim) -> None:
    claim("an idle line", delivery.idle, at_most=delivery.IDLE, unit="% of a processor")
