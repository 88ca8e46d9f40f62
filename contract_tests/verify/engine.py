"""The cases, run by pytest in a process of its own that sees nothing of the tests and settings of where it is started."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from contract_tests.verify import sayer
from contract_tests.verify.choice import Choice

_MODULE = '''"""The contract on {name}."""

from contract_tests import BackendContract
from contract_tests.verify import sayer
from contract_tests.verify.choice import Choice


class Test{camel}(BackendContract):
    backend = {name!r}

    @classmethod
    def server(cls):
        return Choice(*{choice!r}).server()
'''
_SETTINGS = "[pytest]\njunit_family = xunit2\n"
# Others that are installed would do to the cases what they do to any test: shuffle them, run them again, count their lines.
_PLUGINS = ("contract_tests.plugin", "contract_tests.verify.sayer", "pytest_timeout")

Hear = Callable[[int, int], None]


class Stopped(NamedTuple):
    """How the process of pytest ended; ``interrupted``: by Ctrl-C, which it was told."""

    code: int
    interrupted: bool
    output: str


class Engine:
    """Runs the cases for a choice, in a folder that is its own."""

    def __init__(self, choice: Choice, folder: Path, options: Sequence[str], processes: int) -> None:
        self._folder = folder
        self._output = folder / "output.txt"
        camel = re.sub(r"\W", "", choice.name.title())
        module = folder / "test_contract.py"
        module.write_text(_MODULE.format(name=choice.name, camel=camel, choice=tuple(choice)), encoding="utf-8")
        settings = folder / "pytest.ini"
        settings.write_text(_SETTINGS, encoding="utf-8")
        plugins = (*_PLUGINS, "xdist.plugin") if processes > 1 else _PLUGINS
        self._command = [sys.executable, "-m", "pytest", str(module), "-c", str(settings), f"--rootdir={folder}"]
        self._command += [f"--confcutdir={folder}", "-p", "no:cacheprovider", "--tb=short", "-q"]
        self._command += [word for plugin in plugins for word in ("-p", plugin)]
        self._command += ["-n", str(processes)] if processes > 1 else []
        self._command += [f"--contract-command={choice.command()}", *options]

    def run(self, hear: Hear) -> Stopped:
        """Return when pytest has ended; ``hear`` is told how many cases have ended, of how many.

        Ctrl-C is handed on to it once; it then stops its servers and writes what it knows. A second one ends it at once.
        """
        reading, writing = os.pipe()
        environment = {
            **os.environ,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            # What is printed is there, in its order, however the process ends.
            "PYTHONUNBUFFERED": "1",
            sayer.ENVIRONMENT: str(writing),
        }
        for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
            environment.pop(name, None)
        with self._output.open("wb") as output:
            # A session of its own, so that Ctrl-C comes once: to us.
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                pass_fds=[writing],
                start_new_session=True,
            )
        os.close(writing)
        interrupted = False
        try:
            with os.fdopen(reading, encoding="utf-8") as lines:
                try:
                    self._follow(process, lines, hear)
                except KeyboardInterrupt:
                    interrupted = True
                    process.send_signal(signal.SIGINT)
                    self._follow(process, lines, lambda done, total: None)
        finally:
            with suppress(ProcessLookupError):
                # Nothing of it is left, also where it was ended in the middle.
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return Stopped(process.returncode, interrupted, self._output.read_text(encoding="utf-8", errors="replace"))

    def _follow(self, process: subprocess.Popen[bytes], lines: Iterable[str], hear: Hear) -> None:
        for line in lines:
            done, total = json.loads(line)
            hear(done, total)
        # Its number stays its own until its group has been ended.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def refused(stopped: Stopped) -> str | None:
    """Return what pytest had against its options, if that was why it ended."""
    if stopped.code != pytest.ExitCode.USAGE_ERROR:
        return None
    found = re.findall(r"^ERROR: (.*)$", stopped.output, re.M)
    return found[-1] if found else "pytest was called wrongly"
