"""Other processes that work on the same store."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

from contract_tests.waiting import FACTOR

_PATIENCE = 30.0


class Worker:
    """A process that does a job of ``contract_tests.clients.worker``; it and the case exchange lines of JSON."""

    def __init__(self, job: str, *arguments: Any, environment: dict[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "contract_tests.clients.worker", job, *map(json.dumps, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, name="worker-output", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def hear(self, budget: float = _PATIENCE) -> Any:
        """Return what it says next.

        :raises AssertionError: it has ended without saying anything, or takes too long
        """
        try:
            line = self._lines.get(timeout=budget * FACTOR)
        except queue.Empty:
            raise AssertionError("another process says nothing") from None
        assert line, f"another process ended with code {self._process.wait()}; its error output is above"
        return json.loads(line)

    def tell(self, what: Any) -> None:
        """Say something to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def end(self, budget: float = _PATIENCE) -> int:
        """Return the exit code, once it has ended by itself."""
        try:
            return self._process.wait(budget * FACTOR)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"another process did not end within {budget * FACTOR:g} s") from None

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()


def in_child(function: Callable[[], str]) -> str:
    """Return what a function returns in a fork of this process; the child ends at once after it.

    :raises AssertionError: it raised, or did not end in time
    """
    import signal
    import warnings

    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # From 3.12 on Python warns of forks beside threads; what comes of them is the question here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
            os.close(reading)
            os.write(writing, function().encode())
            code = 0
        except BaseException as error:  # noqa: BLE001 - told to the parent
            os.write(writing, f"{type(error).__name__} in the child: {error}".encode())
        finally:
            os._exit(code)
    os.close(writing)
    timer = threading.Timer(_PATIENCE * FACTOR, os.kill, (child, signal.SIGKILL))
    timer.start()
    try:
        with open(reading, encoding="utf-8") as answers:
            answer = answers.read()
        _, status = os.waitpid(child, 0)
    finally:
        timer.cancel()
    assert status == 0, answer or f"the child ended with status {status}"
    return answer
