"""How a file is installed as a backend, and what is declared of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from oslo_config import cfg

from contract_tests.capability import Capability
from contract_tests.served import ServedHarness
from contract_tests.servers.replaced_file import ReplacedFile
from contract_tests.servers.server import Server
from dfbackends.api import Address

OPTIONS: list[cfg.Opt] = [
    cfg.StrOpt("path", help="The file."),
    cfg.StrOpt("defect", help="The name of the mutant."),
]


class Installed:
    """A defect of this, and not of the file, is a class that inherits from it."""

    options: ClassVar[Sequence[cfg.Opt]] = OPTIONS
    denied: ClassVar[frozenset[Capability]] = frozenset()
    """What it can do, and what is said not to be there."""

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of its entry points, its own first."""
        return [f"mutant-{cls.__name__.lower()}"]

    @staticmethod
    def address(address: Address) -> Mapping[str, str]:
        """Return what the address in a URL stands for."""
        if not address.path:
            raise ValueError("the form is mutant:file.db")
        return {"path": address.path}

    @classmethod
    def harness(cls, name: str) -> ServedHarness:
        """Return the backend as the suite sees it."""
        [own, *_] = cls.names()
        found = ServedHarness(name, server(own))
        found.capabilities -= cls.denied
        return found


def server(name: str, defect: str = "") -> Server:
    """Return a file that is opened by the name of an entry point."""
    section = f"dfbackends_{name.replace('-', '_')}"
    return Server.embedded(
        f"{name}:{{tmp}}/contract.db" + (f"?defect={defect}" if defect else ""),
        settings=f"db = {name}\n[{section}]\npath = {{tmp}}/contract.db\n" + (f"defect = {defect}\n" if defect else ""),
        durable=True,
        resumes=True,
        shared=True,
        replaceable=ReplacedFile,
    )
