"""Ctrl-C while a backend is verified."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from contract_tests.report.conformance import Conformance, Outcome
from contract_tests.waiting import eventually
from tests.cli.running import PROGRAM
from tests.drivers import remote


# As much as all that it waits for together.
@pytest.mark.timeout(120)
@pytest.mark.parametrize("processes", ["1", "2"])
def test_ctrl_c_ends_it_and_leaves_nothing(tmp_path: Path, processes: str) -> None:
    """It ends with 130, leaves no process behind, and the report says what was not run."""
    with remote.installed():
        process = subprocess.Popen(
            [*PROGRAM, "verify", "remote", "--start", "--processes", processes, "--report", str(tmp_path / "out")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    parts: list[psutil.Process] = []

    def goes_on() -> bool:
        parts[:] = psutil.Process(process.pid).children(recursive=True)
        folders = [word for part in parts for word in _command(part) if word.startswith("--rootdir=")]
        outputs = [Path(folder.removeprefix("--rootdir=")) / "output.txt" for folder in folders[:1]]
        return any(output.read_text().count(".") > 20 for output in outputs if output.exists())

    eventually(goes_on, "some cases have ended", 60)
    assert any("contract_tests.mutants.remote.server" in _command(part) for part in parts)
    try:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()

    assert process.returncode == 130, (out, err)
    assert re.fullmatch(r"dfbackends: interrupted: \d+ cases were not run\n", err)
    eventually(lambda: not any(part.is_running() for part in parts), "none of its processes is left")
    report = Conformance.read(tmp_path / "out" / "conformance.json")
    assert "interrupted" in report.extent.partial
    left = [each for each in report.results if each.outcome is Outcome.NOT_RUN and each.reason == "the run ended before it"]
    assert len(left) > 100


def _command(part: psutil.Process) -> list[str]:
    try:
        return part.cmdline()
    except psutil.Error:
        return []
