"""A store for each test of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:{tmp_path / 'app.db'}"


@pytest.fixture
def other(tmp_path: Path) -> str:
    return f"sqlite:{tmp_path / 'other.db'}"
