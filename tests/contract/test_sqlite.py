"""The contract on ``sqlite``."""

from pathlib import Path

from contract_tests import BackendContract, Capability, Replaceable, UrlHarness
from contract_tests.fault import STORES
from tests.drivers.replaced import ReplacedFile


class SqliteHarness(UrlHarness):
    """A file, in the place of which others can be put."""

    def replaceable(self, folder: Path) -> Replaceable:
        return ReplacedFile(folder)


class TestSqlite(BackendContract):
    """The embedded backend in a file."""

    harness = SqliteHarness(
        "sqlite",
        "sqlite:{folder}/contract.db",
        Capability,
        STORES,
        settings="db = sqlite\n[dfbackends_sqlite]\npath = {folder}/contract.db\n",
    )
