"""One process of a server: started, killed, frozen, and ended with the run."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from contract_tests.servers import keeper
from contract_tests.waiting import FACTOR

HOST = "127.0.0.1"

PATIENCE = 15.0
_STEP = 0.02
_TAIL = 2000
_ENDING = 5.0


class NotStarted(Exception):
    """A server did not answer; the text has its command, and the end of what it printed."""


class PortTaken(NotStarted):
    """Somebody else had its port, which may be free again by now."""


class Node:
    """A process that answers on a port. It is the leader of a session of its own, so that Ctrl-C does not end it before us."""

    def __init__(self, command: Sequence[str], port: int, log: Path, *, patience: float = PATIENCE) -> None:
        self.port = port
        self._command = list(command)
        self._log = log
        self._patience = patience * FACTOR
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The id of the process; None where none runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start the process, and return when its port answers.

        :raises PortTaken: somebody else has the port
        :raises NotStarted: it ended, or did not answer in time
        """
        self._log.touch()
        if is_taken(self.port):
            raise PortTaken(self._told(f"was not started: port {self.port} is taken"))
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", keeper.__file__, str(os.getpid()), *self._command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until = time.monotonic() + self._patience
        while not self._answers():
            code = self._process.poll()
            if code is not None:
                raise NotStarted(self._told(f"ended with code {code} before it answered"))
            if time.monotonic() > until:
                self.kill()
                raise NotStarted(self._told(f"did not answer on port {self.port} within {self._patience:g} s"))
            time.sleep(_STEP)

    def stop(self) -> None:
        """Ask the process to end, and end it where it does not. Idempotent."""
        if self.pid is None:
            return
        self._send(signal.SIGTERM)
        self._send(signal.SIGCONT)
        assert self._process is not None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDING)
        self.kill()

    def kill(self) -> None:
        """End the process, and those that it started, with SIGKILL."""
        self._send(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stop the process where it is: its connections stay open, and nothing is answered."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=1.0) as connection:
                # Nobody listens, and the system chose the same port for this end: then it is connected to itself.
                return bool(connection.getsockname() != connection.getpeername())
        except OSError:
            return False

    def _told(self, what: str) -> str:
        output = self._log.read_bytes()[-_TAIL:].decode(errors="replace").strip()
        return f"the server {what}\ncommand: {' '.join(self._command)}\noutput: {output or 'none'}"


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as place:
        place.bind((HOST, 0))
        port: int = place.getsockname()[1]
        return port


def is_taken(port: int) -> bool:
    """Tell whether somebody listens on a port."""
    with socket.socket() as place:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            place.bind((HOST, port))
        except OSError:
            return True
    return False
