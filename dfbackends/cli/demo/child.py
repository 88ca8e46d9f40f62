"""The agent's process, as the first process sees it."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from dfbackends.cli.demo.alone import Failed

_END = 3.0

Event = dict[str, Any]


class Child:
    """Starts an agent, listens to what it tells, stops it and lets it go on."""

    def __init__(self, url: str, table: str, topic: str, *, ignore_loss: bool) -> None:
        arguments = ["demo-agent", "--url", url, table, topic] + (["--ignore-loss"] if ignore_loss else [])
        # A session of its own: Ctrl-C is for the first process, which then ends this one.
        self._process = subprocess.Popen(  # noqa: S603 - the program is this one, and no shell reads the arguments.
            [sys.executable, "-m", "dfbackends.cli", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._events: queue.Queue[Event | None] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, name="demo-listener", daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def stop(self) -> None:
        """Freeze it; return when none of its threads runs any more."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def go_on(self) -> None:
        """Let it run again."""
        self._process.send_signal(signal.SIGCONT)

    def expect(self, wanted: Callable[[Event], bool], what: str, timeout: float) -> Event:
        """Return the next event that is wanted; others are passed over.

        :raises Failed: it did not come in time, or the agent ended
        """
        until = time.monotonic() + timeout
        while True:
            try:
                event = self._events.get(timeout=max(until - time.monotonic(), 0))
            except queue.Empty:
                raise Failed(f"the agent did not tell within {timeout:g} s: {what}") from None
            if event is None:
                raise Failed(f"the agent ended before it told: {what}")
            if wanted(event):
                return event

    def report(self, timeout: float) -> dict[str, Any]:
        """Return the agent's copy."""
        stream = self._process.stdin
        assert stream is not None
        try:
            stream.write("report\n")
            stream.flush()
        except BrokenPipeError:
            raise Failed("the agent ended") from None
        copy: dict[str, Any] = self.expect(lambda event: event["event"] == "report", "its copy", timeout)["copy"]
        return copy

    def __enter__(self) -> Child:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.go_on()
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join(_END)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._events.put(json.loads(line))
        self._events.put(None)
