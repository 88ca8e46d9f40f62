"""Processes whose lines are read with a deadline."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from typing import IO, Any

from tests.cli.running import PATIENCE


class Lines:
    """The lines of a stream, read by a thread, so that waiting for one ends in any case."""

    def __init__(self, stream: IO[str] | None) -> None:
        assert stream is not None
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def next(self) -> str:
        """Return the next line; the empty text at the end."""
        return self._lines.get(timeout=PATIENCE)

    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.next())
        return document

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._lines.put(line)
        self._lines.put("")


def killed(process: subprocess.Popen[str]) -> None:
    """Kill a process as kill -9 does, and wait for its end."""
    process.kill()
    process.wait(PATIENCE)
