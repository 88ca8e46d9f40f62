"""What the backends with a seeded defect are; ``tox -e mutants`` runs all cases on them."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

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
