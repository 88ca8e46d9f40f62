"""The contract on ``sqlite``."""

from contract_tests import BackendContract


class TestSqlite(BackendContract):
    """The embedded backend in a file."""

    backend = "sqlite"
