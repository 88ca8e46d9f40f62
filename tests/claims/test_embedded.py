"""What the embedded drivers cost beside what they are built on (G14, G15, G16)."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import embedded
from tests.figures import Claim

pytestmark = pytest.mark.claims

# Another process may have the machine: a gate stands below the target that the benchmark prints.
NOISE = 0.8


def test_memory_answers_gets_as_fast_as_promised(claim: Claim) -> None:
    claim("memory, gets a second", lambda: embedded.memory_get().rate, at_least=embedded.MEMORY_GETS)


def test_sqlite_gets_cost_little_more_than_their_statement(claim: Claim, tmp_path: Path) -> None:
    bound = NOISE * embedded.GET_TO_RAW
    claim("sqlite, get beside raw sqlite3", lambda: embedded.sqlite_get(tmp_path).to_raw, at_least=bound)


def test_sqlite_sets_cost_little_more_than_their_statements(claim: Claim, tmp_path: Path) -> None:
    bound = NOISE * embedded.SET_TO_RAW
    claim("sqlite, set beside the same raw", lambda: embedded.sqlite_set(tmp_path).to_raw, at_least=bound)


def test_sqlite_batches_cost_little_more_than_their_statements(claim: Claim, tmp_path: Path) -> None:
    bound = NOISE * embedded.ROWS_TO_RAW
    measure = embedded.sqlite_set
    claim("sqlite, rows beside the same raw", lambda: measure(tmp_path, rows=100).to_raw, at_least=bound)


def test_another_process_is_told_at_once(claim: Claim, tmp_path: Path) -> None:
    bound = embedded.NOTICE / NOISE
    claim("sqlite, notice to another process", lambda: embedded.notice(tmp_path), at_most=bound, unit="us")
