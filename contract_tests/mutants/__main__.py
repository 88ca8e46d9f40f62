"""Run the mutants: each on the case that it names, and on others."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from contract_tests.mutants.choice import Choice
from contract_tests.mutants.judgement import Judgement, read
from contract_tests.mutants.registry import mutants
from contract_tests.mutants.runs import Runs

SOON = "4"
"""Seconds that a case waits for what must come, since here it often does not."""


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments ask for; return 0 where every mutant was found, and passed most of the others."""
    parser = argparse.ArgumentParser("python -m contract_tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="MUTANT", help="run these only")
    parser.add_argument("--list", action="store_true", help="say what they are, and run nothing")
    parser.add_argument("--all", action="store_true", help="the whole matrix: all cases, and the named one in 5 rounds")
    parser.add_argument("--others", type=int, default=5, help="how many other cases are run on each (default: 5)")
    parser.add_argument("--rounds", type=int, default=1, help="how often the named case is run (default: 1)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="which others are run (default: any)")
    parser.add_argument("-n", type=int, default=1, metavar="PROCESSES", help="run so many at once (default: 1)")
    parser.add_argument("--cases", nargs="+", metavar="CASE", help="run these other cases only")
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="add the outcomes to a file, a line of JSON each, and run nothing that it tells already",
    )
    parser.add_argument("--judge", type=Path, nargs="+", metavar="FILE", help="say what such files tell, and run nothing")
    parser.add_argument("--verbose", action="store_true", help="show how each case failed")
    given = parser.parse_args(arguments)
    known = mutants()
    if given.list:
        for mutant in known.values():
            print(f"{mutant.name} ({mutant.base.value}): {mutant.defect}\n    found by {mutant.kills}")
        return 0
    others, rounds = (None, 5) if given.all else (given.others, given.rounds)
    if given.judge:
        return _judged(Choice(others=None, rounds=given.rounds), given.judge)
    if unknown := set(given.names) - known.keys():
        parser.error(f"there is no mutant {', '.join(sorted(unknown))}; --list tells them")
    os.environ.setdefault("DFB_SOON", SOON)
    choice = Choice(given.names or list(known), others, rounds, given.seed, given.cases)
    with tempfile.TemporaryDirectory() as folder:
        report: Path = given.report or Path(folder, "outcomes")
        Runs(choice, report, Path(folder), verbose=given.verbose).run(given.n)
        return _judged(choice, [report])


def _judged(choice: Choice, reports: Sequence[Path]) -> int:
    known, outcomes = mutants(), read(reports)
    judgement = Judgement(choice, [known[name] for name in choice.names or outcomes], outcomes)
    print("\n".join(judgement.lines()))
    return 0 if judgement.good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
