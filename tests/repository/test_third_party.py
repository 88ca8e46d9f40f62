"""A backend of a third party is built, installed outside of the tree, chosen by its name, used, and keeps the contract."""

from __future__ import annotations

import json
import os
import shutil
import site
import subprocess
import venv
from pathlib import Path

import pytest

from contract_tests.report.conformance import Conformance
from contract_tests.report.verdict import verdict
from tests.repository.test_documents import blocks
from tests.repository.tree import ROOT
from tests.repository.wheels import PIP, built

EXAMPLE = Path("examples/dfbackends_lmdb")


class Place:
    """A folder outside of the tree, and a virtual environment with what is installed from wheels."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "place"
        self.folder.mkdir()
        environment = folder / "venv"
        venv.create(environment, symlinks=True)
        self.bin = environment / "bin"
        [self.packages] = environment.glob("lib/python*/site-packages")

    def run(self, *command: str, timeout: float = 20) -> str:
        """Return what a command of the environment prints; it must not fail."""
        clean = {name: text for name, text in os.environ.items() if not name.startswith(("DFBACKENDS_", "PYTEST_", "PYTHON"))}
        clean["PATH"] = os.pathsep.join([str(self.bin), clean["PATH"]])
        done = subprocess.run(
            [self.bin / command[0], *command[1:]], cwd=self.folder, env=clean, capture_output=True, text=True, timeout=timeout
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def lines(path: Path) -> int:
    """Return how many lines are not blank."""
    return sum(1 for line in path.read_text().splitlines() if line.strip())


@pytest.fixture(scope="module")
def place(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The core, the suite and the example; from the environment of this test comes what they depend on, and nothing of ours."""
    folder = tmp_path_factory.mktemp("third")
    wheels = built([copy, copy / "contract_tests", copy / EXAMPLE], folder)
    place = Place(folder)
    target = ["--python", str(place.bin / "python")]
    subprocess.run([*PIP, *target, "install", "--no-deps", "--no-index", *map(str, wheels)], check=True, timeout=60)
    # A path that a .pth file adds stands behind the wheels, and its own .pth files, the editable installations, are not read.
    (place.packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()))
    shutil.copytree(copy / EXAMPLE / "tests", place.folder / "tests")
    return place


def test_its_driver_and_its_test_are_as_short_as_the_page_says() -> None:
    driver = [path for path in (ROOT / EXAMPLE / "dfbackends_lmdb").glob("*.py") if path.name != "config.py"]

    assert sum(map(lines, driver)) < 150
    assert lines(ROOT / EXAMPLE / "tests" / "test_contract.py") < 15


@pytest.mark.timeout(120)
def test_its_modules_come_from_the_wheels(place: Place) -> None:
    found = place.run("python", "-c", "import dfbackends as a, contract_tests as b, dfbackends_lmdb as c; print(a, b, c)")

    assert found.count(str(place.packages)) == 3
    assert str(ROOT) not in found


@pytest.mark.timeout(120)
def test_it_is_among_the_installed_drivers(place: Place) -> None:
    drivers = place.run("dfbackends", "drivers")

    assert "lmdb (db): dfbackends-lmdb 0.1.0, contract 1\n  can do: Transactional\n" in drivers
    options = place.run("python", "-m", "oslo_config.generator", "--namespace", "dfbackends")
    assert "[dfbackends_lmdb]" in options
    assert "#map_size = 1024" in options


@pytest.mark.timeout(120)
def test_an_application_chooses_it_in_its_configuration(place: Place) -> None:
    for *_, language, text in blocks(EXAMPLE / "README.md"):
        if language == "ini":
            (place.folder / "app.conf").write_text(text)
        elif language == "python":
            assert place.run("python", "-W", "error", "-c", text) == "['p1', 'p2']\n"

    assert json.loads(place.run("dfbackends", "get", "--url", "lmdb:app.lmdb", "port", "p1")) == {"mac": "fa:16:3e:00:00:01"}


@pytest.mark.timeout(180)
def test_it_keeps_the_contract_up_to_concurrent(place: Place) -> None:
    options = ["-q", "-n", "4", "-p", "no:cacheprovider", "--contract-profile", "quick", "--contract-report", "out"]
    place.run("python", "-m", "pytest", *options, "tests", timeout=150)

    assert verdict(Conformance.read(place.folder / "out" / "conformance.json")).reached == "Concurrent"
