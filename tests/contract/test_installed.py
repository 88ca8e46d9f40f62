"""The contract on every installed backend that ships a harness; by default in reduced figures, see CONTRIBUTING.md."""

from __future__ import annotations

import os

import pytest

from contract_tests import BackendContract, ServedHarness
from contract_tests.served import registered, shipped


def _contract(name: str) -> type[BackendContract]:
    server = registered(name)
    kind = type(f"Test{name.title().replace('-', '')}", (BackendContract,), {"harness": ServedHarness(name, server)})
    kind.__module__ = __name__
    # In CI it fails when it is started.
    return pytest.mark.skipif(bool(server.missing) and "CI" not in os.environ, reason=server.missing)(kind)


INSTALLED = [_contract(name) for name in shipped()]

globals().update({kind.__name__: kind for kind in INSTALLED})
