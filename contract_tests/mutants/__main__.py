"""Run the mutants: each on the case that it names, and on others."""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from contract_tests.mutants.choice import Choice
from contract_tests.mutants.judgement import Judgement, read
from contract_tests.mutants.registry import mutants

SOON = "4"
"""Seconds that a case waits for what must come, since here it often does not."""

SUITE = Path(__file__).with_name("suite.py")


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments ask for; return 0 where every mutant was found, and passed most of the others."""
    parser = argparse.ArgumentParser("python -m contract_tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="MUTANT", help="run these only")
    parser.add_argument("--list", action="store_true", help="say what they are, and run nothing")
    parser.add_argument("--all", action="store_true", help="the whole matrix: all cases, and the named one in 5 rounds")
    parser.add_argument("--others", type=int, default=5, help="how many other cases are run on each (default: 5)")
    parser.add_argument("--rounds", type=int, default=1, help="how often the named case is run (default: 1)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="which others are run (default: any)")
    parser.add_argument("-n", type=int, default=0, metavar="PROCESSES", help="run in several processes, by pytest-xdist")
    parser.add_argument("--cases", nargs="+", metavar="CASE", help="run these other cases only")
    parser.add_argument("--report", type=Path, metavar="FILE", help="add the outcomes to a file, a line of JSON each")
    parser.add_argument("--judge", type=Path, nargs="+", metavar="FILE", help="say what such files tell, and run nothing")
    parser.add_argument("--durations", type=int, default=0, help="name the slowest cases")
    parser.add_argument("--verbose", action="store_true", help="show how each case failed")
    given = parser.parse_args(arguments)
    known = mutants()
    if given.list:
        for mutant in known.values():
            print(f"{mutant.name} ({mutant.base.value}): {mutant.defect}\n    found by {mutant.kills}")
        return 0
    if given.judge:
        outcomes = read(given.judge)
        judgement = Judgement(Choice(others=None, rounds=given.rounds), [known[name] for name in outcomes], outcomes)
        print("\n".join(judgement.lines()))
        return 0 if judgement.good else 1
    if unknown := set(given.names) - known.keys():
        parser.error(f"there is no mutant {', '.join(sorted(unknown))}; --list tells them")
    others, rounds = (None, 5) if given.all else (given.others, given.rounds)
    os.environ.setdefault("DFB_SOON", SOON)
    Choice(given.names, others, rounds, given.seed, given.cases).publish()
    with tempfile.TemporaryDirectory() as folder:
        options = [
            "-q",
            "-c",
            os.devnull,
            "--rootdir",
            folder,
            "--basetemp",
            f"{folder}/tmp",
            "-p",
            "no:cacheprovider",
        ]
        options += ["-p", "contract_tests.mutants.plugin", "--contract-seed", str(given.seed)]
        options += ["--tb=short"] if given.verbose else ["--tb=no", "-r", "N", "-W", "ignore"]
        options += ["-n", str(given.n), "--dist", "loadscope"] if given.n else []
        options += ["--durations", str(given.durations)] if given.durations else []
        options += ["--mutants-report", str(given.report)] if given.report else []
        # In a process of its own, which loads the cases when all is set.
        return subprocess.call([sys.executable, "-m", "pytest", *options, str(SUITE)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
