"""A copy of the tree, and wheels of what is in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.repository.tree import ROOT, files


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree: building leaves folders behind."""
    folder = tmp_path_factory.mktemp("copy")
    for path in files():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    return folder
