"""The demonstration: what it shows, and that it would notice if it were not so."""

from __future__ import annotations

import time

import pytest

from tests.cli.running import run
from tests.figures import Claim


@pytest.mark.claims
def test_it_breaks_the_line_recovers_and_ends_well_in_time(claim: Claim) -> None:
    def seconds() -> float:
        began = time.monotonic()
        shown = run("demo")
        assert shown.code == 0, shown.err
        told = ("KeyExists", "Conflict", "SIGSTOP", "on_loss(DOWN)", "on_loss(RECOVERED)", "renew()", "reads the table again")
        places = [shown.out.index(word) for word in told]
        assert places == sorted(places)
        return time.monotonic() - began

    claim("demo", seconds, at_most=10, unit="s")


def test_without_the_recovery_it_ends_with_1_and_names_what_is_missing() -> None:
    shown = run("demo", "--ignore-loss")

    assert shown.code == 1
    assert "RECOVERED" in shown.out
    assert "the agent's copy is missing 200 entries (b0, b1, b10, ...), still has 1 entry (a0)" in shown.err


def test_on_memory_there_is_no_second_process_and_it_says_why() -> None:
    shown = run("demo", "memory:")

    assert shown.code == 0
    assert "lives in one" in shown.out
    assert "SIGSTOP" not in shown.out


def test_on_a_file_of_the_user_nothing_is_left_behind(url: str) -> None:
    run("put", "--url", url, "mine", "k", "1")

    shown = run("demo", f"{url}?log_rows=60", "--json")

    assert shown.code == 0
    assert all(step.get("well", True) for step in shown.documents)
    assert run("tables", "--url", url).out == "mine\n"


def test_a_url_of_nothing_is_called_wrongly() -> None:
    assert run("demo", "sqlit:x").code == 2
