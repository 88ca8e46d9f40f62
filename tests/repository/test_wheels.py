"""The four distributions have in them what is in the tree, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.repository.tree import ROOT, files

DISTRIBUTIONS = {
    "dfbackends": ".",
    "dfbackends_redis": "dfbackends_redis",
    "dfbackends_etcd": "dfbackends_etcd",
    "contract_tests": "contract_tests",
}
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
# What describes a distribution that lies in the folder of its package.
ABOUT = {"setup.cfg", "pyproject.toml", "README.md"}


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree: building leaves folders behind."""
    folder = tmp_path_factory.mktemp("copy")
    for path in files():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    return folder


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("package", "folder"), DISTRIBUTIONS.items())
def test_a_wheel_has_what_the_tree_has(package: str, folder: str, copy: Path, tmp_path: Path) -> None:
    subprocess.run(
        [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", tmp_path, copy / folder],
        check=True,
        timeout=100,
    )

    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        built = {name for name in archive.namelist() if ".dist-info/" not in name}

    tree = {str(path) for path in files() if path.parts[0] == package}
    assert built == {name for name in tree if name not in {f"{package}/{about}" for about in ABOUT}}


def test_the_distribution_that_is_not_written_yet_registers_nothing() -> None:
    assert "entry_points" not in (ROOT / "dfbackends_etcd" / "setup.cfg").read_text()
