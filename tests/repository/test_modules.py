"""How the tree reads: small modules, each with a first line, and drivers that see the contract only."""

from __future__ import annotations

import ast
import configparser
import re
from pathlib import Path

import pytest

from tests.repository.tree import ROOT, files

LONGEST = 250
CONTRACT = {"api", "values", "errors", "drivers", "__init__"}
MODULES = [path for path in files() if path.suffix == ".py"]


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.parts[0] in ("dfbackends", "dfbackends_redis", "dfbackends_etcd")], ids=str
)
def test_a_module_is_short_and_says_what_it_is(path: Path) -> None:
    text = (ROOT / path).read_text()

    assert len(text.splitlines()) <= LONGEST
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring is not None
    assert docstring.splitlines()[0].endswith((".", ":"))


def test_every_module_of_the_core_is_kept_from_the_drivers() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    forbidden = set(setup["importlinter:contract:drivers"]["forbidden_modules"].split())

    core = {path.parts[1].removesuffix(".py") for path in MODULES if path.parts[0] == "dfbackends"}
    assert forbidden == {f"dfbackends.{name}" for name in core - CONTRACT}


def test_no_file_names_a_place_of_one_machine() -> None:
    """Whose it was does not matter to who reads it, and it is wrong anywhere else."""
    places = re.compile(
        "|".join([re.escape(str(ROOT)) + r"\b", re.escape(str(Path.home())) + r"/", r"/home/\w", "/" + "tmp/venv"])
    )

    found = [path for path in files() if places.search((ROOT / path).read_text(errors="replace"))]

    assert found == []
