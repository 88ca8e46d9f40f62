"""The contract on ``memory``."""

from contract_tests import BackendContract, Capability, UrlHarness


class TestMemory(BackendContract):
    """The embedded backend that lives as long as its process."""

    harness = UrlHarness(
        "memory",
        "memory:contract",
        {Capability.TRANSACTIONAL, Capability.JOINT, Capability.WATCHING, Capability.RESUMING},
        settings="db = memory\n[dfbackends_memory]\nname = contract\n",
    )
