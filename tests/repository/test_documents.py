"""Every example in the documents runs, and every link leads somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import dfbackends
from tests.repository.tree import ROOT, files

# What tests/repository/test_third_party.py runs, where its backend is installed.
ELSEWHERE = Path("examples/dfbackends_lmdb/README.md")
DOCUMENTS = [path for path in files() if path.suffix == ".md" and path.parts[0] != "contract_tests"]
BLOCK = re.compile(r"^(?:<!-- file (\S+) -->\n)?```(\w+)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")
# These fill the network and the disk; .ci/run takes them from the README, and executes them as they stand.
INSTALLED = (".venv", "-m venv")
PATIENCE = 240.0


def blocks(path: Path) -> list[tuple[str, str, str]]:
    """Return the name of the file that each block is to be, its language, and its text."""
    return BLOCK.findall((ROOT / path).read_text())


@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", [path for path in DOCUMENTS if blocks(path) and path != ELSEWHERE], ids=str)
def test_its_blocks_run_in_their_order(path: Path, tmp_path: Path) -> None:
    """In one folder, as a reader would; an ini block is the configuration file app.conf, unless it has another name."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("DFBACKENDS_", "OS_DFBACKENDS"))}
    # Other tests run beside it: what is asked of the suite of the contract here is whether it runs, not how fast.
    environment["DFB_TIME_FACTOR"] = "2"
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for name, language, text in blocks(path):
        if name or language == "ini":
            (tmp_path / (name or "app.conf")).write_text(text)
            continue
        command = [sys.executable, "-W", "error", "-c", text] if language == "python" else ["bash", "-euc", text]
        if language not in ("python", "sh") or any(word in text for word in INSTALLED):
            assert language == "sh", f"{path}: nothing runs a block in {language}"
            continue
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=PATIENCE)
        assert (done.returncode, done.stderr) == (0, ""), textwrap.indent(text, "    ") + done.stdout + done.stderr


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_its_links_lead_to_files(path: Path) -> None:
    broken = [link for link in LINK.findall((ROOT / path).read_text()) if not (ROOT / path.parent / link).exists()]

    assert broken == []


def test_the_readme_has_the_two_commands_that_a_new_user_needs() -> None:
    commands = dict(re.findall(r"<!-- (\w+) command -->\n```sh\n(.*?)\n```", (ROOT / "README.md").read_text()))

    assert commands["demo"] == "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/dfbackends demo"
    assert commands["test"].endswith(
        "pip install -e '.[test]' -e ./dfbackends_redis -e ./dfbackends_etcd -e ./contract_tests && .venv/bin/pytest -n 4"
    )


def test_the_readme_is_one_page() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_each_decision_has_its_four_parts() -> None:
    for path in (path for path in DOCUMENTS if path.match("docs/adr/[0-9]*.md")):
        titles = re.findall(r"^## (\w+)", (ROOT / path).read_text(), re.M)
        assert titles == ["Context", "Decision", "Rejected", "Consequences"], path


def test_the_page_of_the_contract_says_what_the_clauses_say() -> None:
    """If not: python docs/clauses.py > docs/contract.md."""
    made = subprocess.run([sys.executable, ROOT / "docs" / "clauses.py"], capture_output=True, check=True, text=True)

    assert (ROOT / "docs" / "contract.md").read_text() == made.stdout


def test_the_reference_has_every_public_name() -> None:
    pages = "".join(path.read_text() for path in (ROOT / "docs" / "reference").glob("*.md"))

    assert [name for name in dfbackends.__all__ if not re.search(rf"^\.\. auto\w+:: dfbackends\.{name}$", pages, re.M)] == []
