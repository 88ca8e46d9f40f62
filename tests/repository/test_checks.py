"""The checks themselves."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repository.tree import ROOT

SKIPS = "import pytest\n\ndef test_runs(): pass\n\n@pytest.mark.skip(reason='no server')\ndef test_skips(): pass\n"


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_a_skipped_test_is_a_failure_in_ci_only(tmp_path: Path, ci: str, code: int) -> None:
    (tmp_path / "test_it.py").write_text(SKIPS)
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-c",
        os.devnull,
        "--rootdir",
        tmp_path,
        tmp_path,
    ]

    done = subprocess.run(
        command,
        env={**os.environ, "CI": ci, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == code, done.stdout
    assert ("1 skipped: in CI that is a failure" in done.stdout) is bool(code)


def test_the_script_of_the_checks_finds_its_commands() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    readme = (ROOT / "README.md").read_text()

    names = re.findall(r"^run_from_readme (\w+)", script, re.M)
    assert names == ["demo", "test"]
    assert all(f"<!-- {name} command -->" in readme for name in names)
    assert subprocess.run(["bash", "-n", ROOT / ".ci" / "run"]).returncode == 0


def test_the_imports_run_downwards() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stdout
