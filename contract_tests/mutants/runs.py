"""The processes in which mutants are run: each in its own where all cases are, so that one that hangs harms no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from contract_tests.mutants.choice import Choice
from contract_tests.mutants.judgement import Judgement, read
from contract_tests.mutants.plugin import HANGS
from contract_tests.mutants.registry import mutants

SUITE = Path(__file__).with_name("suite.py")

_TOGETHER = 8
"""Mutants in a process, where a few cases are run on each: it takes a second or two to start."""


class Runs:
    """Runs what was chosen, and adds the outcomes to a report."""

    def __init__(self, choice: Choice, report: Path, folder: Path, *, verbose: bool) -> None:
        self._choice = choice
        self._report = report
        self._folder = folder
        self._verbose = verbose
        # Guards the report, and what is printed.
        self._lock = threading.Lock()
        self._ended = 0

    def run(self, processes: int) -> None:
        """Run all, so many processes at once."""
        size = 1 if self._choice.others is None else _TOGETHER
        names = self._choice.names
        with ThreadPoolExecutor(processes) as executor:
            runs = [executor.submit(self._run, names[first : first + size]) for first in range(0, len(names), size)]
            try:
                for run in runs:
                    run.result()
            except BaseException:
                executor.shutdown(wait=False, cancel_futures=True)
                raise

    def _run(self, names: Sequence[str]) -> None:
        part = self._folder / names[0]
        part.mkdir()
        choice = self._choice._replace(names=names)
        outcomes = part / "outcomes"
        outcomes.write_text(self._told(names))
        known = len(outcomes.read_bytes())
        while True:
            done = subprocess.run(
                self._command(part, outcomes), env={**os.environ, **choice.environment()}, capture_output=True, text=True
            )
            # A case that does not end has ended its process, and is among the outcomes: the others go on without it.
            if done.returncode != HANGS:
                break
        with self._lock, self._report.open("ab") as report:
            report.write(outcomes.read_bytes()[known:])
            self._ended += len(names)
            self._tell(choice, outcomes, done)

    def _told(self, names: Sequence[str]) -> str:
        """Return what the report tells of mutants already."""
        with self._lock:
            lines = self._report.read_text().splitlines(keepends=True) if self._report.exists() else []
        return "".join(line for line in lines if json.loads(line)[0] in names)

    def _command(self, part: Path, outcomes: Path) -> list[str]:
        options = ["-q", "-c", os.devnull, "--rootdir", str(part), "--basetemp", str(part / "tmp"), "-p", "no:cacheprovider"]
        options += ["-p", "contract_tests.mutants.plugin", "--contract-seed", str(self._choice.seed)]
        options += ["--mutants-report", str(outcomes)]
        options += ["--tb=short"] if self._verbose else ["--tb=no", "-r", "N", "-W", "ignore"]
        return [sys.executable, "-m", "pytest", *options, str(SUITE)]

    def _tell(self, choice: Choice, outcomes: Path, done: subprocess.CompletedProcess[str]) -> None:
        if self._verbose or done.returncode:
            print(done.stdout, done.stderr, sep="\n")
        known, found = mutants(), read([outcomes])
        judgement = Judgement(choice, [known[name] for name in choice.names], found)
        print(f"[{self._ended}/{len(self._choice.names)}] {', '.join(choice.names)}: {next(judgement.lines())}", flush=True)
