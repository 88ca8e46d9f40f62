"""The contract on ``sqlite``."""

from contract_tests import BackendContract, Capability, UrlHarness


class TestSqlite(BackendContract):
    """The embedded backend in a file."""

    harness = UrlHarness(
        "sqlite",
        "sqlite:{folder}/contract.db",
        Capability,
        settings="db = sqlite\n[dfbackends_sqlite]\npath = {folder}/contract.db\n",
    )
