"""The contract on ``lmdb``."""

from contract_tests import BackendContract, Server

SETTINGS = "db = lmdb\n[dfbackends_lmdb]\npath = {tmp}/store\nsync = false\n"


class TestLmdb(BackendContract):
    """The backend in an LMDB environment."""

    backend = "lmdb"

    @classmethod
    def server(cls) -> Server:
        return Server.embedded("lmdb:{tmp}/store?sync=false", settings=SETTINGS, durable=True, shared=True)
