"""What the backends with a seeded defect are; ``tox -e mutants`` runs all cases on them."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

from contract_tests.contract import BackendContract
from contract_tests.mutants.judgement import required
from contract_tests.mutants.registry import mutants

LEAST = 50


def test_there_are_enough_and_each_says_what_is_wrong_with_it() -> None:
    known = mutants()

    assert len(known) >= LEAST
    for mutant in known.values():
        assert hasattr(BackendContract, mutant.case), mutant.name
        assert mutant.defect.endswith("."), mutant.name
    assert [defect for defect, count in Counter(mutant.defect for mutant in known.values()).items() if count > 1] == []


def test_each_required_case_has_one_to_find() -> None:
    assert required() - {mutant.case for mutant in mutants().values()} == set()


def test_what_others_install_does_not_load_them() -> None:
    code = "import sys, contract_tests.contract, contract_tests.plugin; print([m for m in sys.modules if 'mutants' in m])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def run(*arguments: str) -> list[str]:
    command = [sys.executable, "-m", "contract_tests.mutants", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=50)
    return done.stdout.splitlines()


def test_a_mutant_is_found_and_a_run_that_was_broken_off_goes_on(tmp_path: Path) -> None:
    report = tmp_path / "outcomes"
    arguments = ("OverwriteIgnored", "--rounds", "2", "--others", "3", "--seed", "1", "--report", str(report))

    first = run(*arguments)
    lines = report.read_text().splitlines()
    report.write_text("".join(f"{line}\n" for line in lines[:-2]))
    again = run(*arguments)

    found = "1 mutants, 1 killed by the named case, in 2 of 2 rounds"
    assert first == again == [f"[1/1] OverwriteIgnored: {found}", found, "others: 3 of 3 passed; seed 1"]
    assert len(lines) >= 5
    # What the first one had told was not run again.
    assert report.read_text().splitlines() == lines
