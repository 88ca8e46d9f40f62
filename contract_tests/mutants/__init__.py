"""Backends with one seeded defect each, which prove that the cases find it. ``python -m contract_tests.mutants`` runs them."""
