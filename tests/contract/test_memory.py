"""The contract on ``memory``."""

from contract_tests import BackendContract


class TestMemory(BackendContract):
    """The embedded backend that lives as long as its process."""

    backend = "memory"
