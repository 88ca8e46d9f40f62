"""The command line as its users run it: a process."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

PROGRAM = (sys.executable, "-m", "dfbackends.cli")
PATIENCE = 30.0

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def documents(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.err)
        return document


def run(
    *arguments: str | bytes | Path,
    stdin: str | bytes = b"",
    unprivileged: bool = False,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> Result:
    """Run the program to its end. It never shows a traceback, and says at most one line of error."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [*PROGRAM, *arguments],
        input=given,
        capture_output=True,
        timeout=PATIENCE,
        preexec_fn=_forgo_privileges if unprivileged and os.geteuid() == 0 else None,
        env={**_environment(), **(env or {})},
        cwd=cwd,
    )
    result = Result(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in result.err, result.err
    assert len(result.err.splitlines()) <= 1, result.err
    return result


def start(*arguments: str | Path, **settings: Any) -> subprocess.Popen[str]:
    """Start the program; its streams are text."""
    return subprocess.Popen(
        [*PROGRAM, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
        **settings,
    )


def lines(documents: Sequence[dict[str, Any]]) -> str:
    """Return documents as JSON Lines."""
    return "".join(json.dumps(document) + "\n" for document in documents)


def _forgo_privileges() -> None:
    """Make root one whom files forbid what they forbid to others, before the program is executed.

    Another user would do, but to him the interpreter may be out of reach.
    """
    for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        if _LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "can not forgo a privilege")


def _environment() -> dict[str, str]:
    # What is set where the tests run is not meant for them.
    return {name: text for name, text in os.environ.items() if not name.startswith("DFBACKENDS_")}
