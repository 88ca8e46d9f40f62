"""How the embedded backends are had."""

from __future__ import annotations

from contract_tests.servers.replaced_file import ReplacedFile
from contract_tests.servers.server import Server


def memory(nodes: int = 1) -> Server:
    """Return a store in the memory of this process."""
    return Server.embedded("memory:contract", settings="db = memory\n[dfbackends_memory]\nname = contract\n", resumes=True)


def sqlite(nodes: int = 1) -> Server:
    """Return a store in a file."""
    return Server.embedded(
        "sqlite:{tmp}/contract.db",
        settings="db = sqlite\n[dfbackends_sqlite]\npath = {tmp}/contract.db\n",
        durable=True,
        resumes=True,
        shared=True,
        replaceable=ReplacedFile,
    )
