"""The four distributions have in them what is in the tree, and nothing else."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.repository.tree import files
from tests.repository.wheels import built

DISTRIBUTIONS = {
    "dfbackends": ".",
    "dfbackends_redis": "dfbackends_redis",
    "dfbackends_etcd": "dfbackends_etcd",
    "contract_tests": "contract_tests",
}
# What describes a distribution that lies in the folder of its package.
ABOUT = {"setup.cfg", "pyproject.toml", "README.md"}


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("package", "folder"), DISTRIBUTIONS.items())
def test_a_wheel_has_what_the_tree_has(package: str, folder: str, copy: Path, tmp_path: Path) -> None:
    [wheel] = built([copy / folder], tmp_path)

    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}

    tree = {str(path) for path in files() if path.parts[0] == package}
    assert found == {name for name in tree if name not in {f"{package}/{about}" for about in ABOUT}}
