"""A host: an agent in a process, with its configuration, its store and its data plane in a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import dfbackends
from contract_tests.waiting import eventually
from tests.cli.following import Lines, killed
from tests.repository.tree import ROOT

CONFIGURATION = """
[agent]
host = hv1
tenants = blue, green
flows = {folder}/flows
check_every = 0.5
report_every = 0.5
[dfbackends]
db = sqlite
deadline = 3
[dfbackends_sqlite]
path = {store}
"""


class Host:
    def __init__(self, folder: Path) -> None:
        self.store = folder / "store" / "net.db"
        self.store.parent.mkdir()
        self.url = f"sqlite:{self.store}"
        self.flows = folder / "flows"
        self.configuration = folder / "agent.conf"
        self.configuration.write_text(CONFIGURATION.format(folder=folder, store=self.store))
        self._process: subprocess.Popen[str] | None = None

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start the agent; what it says is read by ``says``. One that runs is killed."""
        self.kill()
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "agent", "--config-file", self.configuration, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "examples"), **environment},
        )
        self._lines = Lines(self._process.stdout)
        return self._process

    def says(self, beginning: str) -> str:
        """Return the next line that begins so; what comes before is passed over."""
        while True:
            line = self._lines.next()
            assert line, f"it ended without saying {beginning!r}"
            assert "Traceback" not in line
            if line.startswith(beginning):
                return line

    def kill(self) -> None:
        if self._process is not None:
            with self._process:
                killed(self._process)

    @property
    def stale(self) -> bool:
        return (self.flows / "STALE").exists()

    def forwards(self) -> dict[str, Any]:
        return {unquote(path.name.removesuffix(".flow")): json.loads(path.read_text()) for path in self.flows.glob("*.flow")}

    def stored(self, *tenants: str) -> dict[str, Any]:
        """Return what has to be forwarded, as the store is now."""
        with dfbackends.open(self.url) as backend:
            entries = [entry for entry in backend.db.entries("port") if entry.topic in tenants]
        return {
            key: {
                "match": f"{tenant} {port['mac']}",
                "action": f"output {key}" if port["host"] == "hv1" else f"tunnel {port['host']}",
            }
            for key, port, tenant, _ in entries
        }

    def equals_the_store(self, *tenants: str) -> None:
        """Wait until the data plane has what is stored, and says that it is current."""

        def equal() -> bool:
            try:
                return not self.stale and self.forwards() == expected and not self.stale
            except FileNotFoundError:
                return False  # A flow was removed while it was being read.

        expected = self.stored(*(tenants or ("blue", "green")))
        eventually(equal, "the data plane equals the store", 30)

    @contextmanager
    def writer(self, seed: int) -> Iterator[Lines]:
        """Write at full speed until the end of the block, which is kill -9."""
        command = [sys.executable, "-m", "tests.examples.writer", self.url, str(seed)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            try:
                yield Lines(process.stdout)
            finally:
                killed(process)
