"""The cases on each mutant that was chosen: what pytest collects."""

from __future__ import annotations

from contract_tests.contract import BackendContract
from contract_tests.mutants.choice import chosen
from contract_tests.mutants.harness import harness

for _mutant, _rounds in chosen().items():
    _harness = harness(_mutant)
    for _round in range(1, _rounds + 1):
        # A class for each time that the named case is run.
        _name = f"Test_{_mutant.name}_{_round}"
        globals()[_name] = type(_name, (BackendContract,), {"harness": _harness, "__module__": __name__})
