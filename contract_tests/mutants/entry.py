"""The entry points of files with a defect, which are installed while mutants run, and at no other time."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from oslo_config import cfg

from contract_tests.mutants.registry import mutants
from contract_tests.servers.replaced_file import ReplacedFile
from contract_tests.servers.server import Server
from dfbackends.api import Address, DbApi, Driver, PubSubApi
from dfbackends.drivers.sqlite import File, SqliteDb, SqlitePubSub, Trim

OPTIONS: list[cfg.Opt] = [
    cfg.StrOpt("path", help="The file."),
    cfg.StrOpt("defect", help="The name of the mutant."),
]

K = TypeVar("K", bound=type[Any])


@cache
def install() -> None:
    """Let the entry points be found by this process, and by those that it starts."""
    folder = tempfile.mkdtemp(prefix="contract-mutants-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    info = Path(folder) / "contract_mutants-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: contract-mutants\nVersion: 1.0\n")
    points = "".join(f"[dfbackends.{kind}]\nmutant = {__name__}:{kind}\n" for kind in ("db", "pubsub"))
    (info / "entry_points.txt").write_text(points)
    sys.path.insert(0, folder)
    os.environ["PYTHONPATH"] = os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)


def server(name: str) -> Server:
    """Return a file with a mutant."""
    return Server.embedded(
        f"mutant:{{tmp}}/contract.db?defect={name}",
        settings=f"db = mutant\n[dfbackends_mutant]\npath = {{tmp}}/contract.db\ndefect = {name}\n",
        durable=True,
        resumes=True,
        shared=True,
        replaceable=ReplacedFile,
    )


def _part(usual: K, name: str) -> K:
    kind = mutants()[name].kind
    return kind if issubclass(kind, usual) else usual  # type: ignore[return-value]


def _file(settings: Mapping[str, Any], deadline: float) -> File:
    return File(settings["path"], timeout=min(2.0, deadline / 4))


def _open_db(settings: Mapping[str, Any], deadline: float) -> SqliteDb:
    return _part(SqliteDb, settings["defect"])(_file(settings, deadline), Trim(keep=10 * deadline))


def _open_pubsub(settings: Mapping[str, Any], deadline: float) -> SqlitePubSub:
    return _part(SqlitePubSub, settings["defect"])(_file(settings, deadline), Trim(keep=10 * deadline))


def _address(address: Address) -> Mapping[str, str]:
    if not address.path:
        raise ValueError("the form is mutant:file.db?defect=name")
    return {"path": address.path}


db: Driver[DbApi] = Driver(provides=SqliteDb, open=_open_db, options=OPTIONS, address=_address)
pubsub: Driver[PubSubApi] = Driver(provides=SqlitePubSub, open=_open_pubsub, options=OPTIONS, address=_address)
