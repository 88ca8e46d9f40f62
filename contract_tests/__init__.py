"""What every backend of dfbackends promises, as cases for pytest."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contract_tests.capability import Capability
    from contract_tests.contract import BackendContract
    from contract_tests.fault import Fault
    from contract_tests.harness import Harness
    from contract_tests.replaceable import Replaceable
    from contract_tests.served import ServedHarness
    from contract_tests.servers.server import Server

__all__ = ["BackendContract", "Capability", "Fault", "Harness", "Replaceable", "ServedHarness", "Server"]

_HOMES = {
    "BackendContract": "contract",
    "Capability": "capability",
    "Fault": "fault",
    "Harness": "harness",
    "Replaceable": "replaceable",
    "ServedHarness": "served",
    "Server": "servers.server",
}


# The plugin of pytest is imported in every run where this distribution is installed; it must not load the rest for nothing.
def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
