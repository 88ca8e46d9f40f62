"""The entry points of backends with a defect, which are installed while mutants run, and at no other time."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from oslo_config import cfg

from contract_tests.mutants.installed import Installed
from contract_tests.mutants.registry import mutants, part
from contract_tests.mutants.remote import config
from contract_tests.mutants.remote.client import Client, Connection
from contract_tests.mutants.remote.db import RemoteDb, RemotePubSub
from contract_tests.mutants.remote.feed import RemoteFeed
from dfbackends.api import DbApi, Driver, PubSubApi
from dfbackends.drivers.sqlite import File, SqliteDb, SqlitePubSub, Trim

FILE, SERVED = "mutant", "served"
"""The names of those whose URL tells the defect."""


@cache
def install() -> None:
    """Let the entry points be found by this process, and by those that it starts."""
    folder = tempfile.mkdtemp(prefix="contract-mutants-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    info = Path(folder) / "contract_mutants-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: contract-mutants\nVersion: 1.0\n")
    points = "".join(
        f"[dfbackends.{role}]\n" + "".join(f"{name} = {__name__}:{kind}_{role}\n" for name, kind in _names())
        for role in ("db", "pubsub")
    )
    (info / "entry_points.txt").write_text(points)
    sys.path.insert(0, folder)
    os.environ["PYTHONPATH"] = os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)


def _names() -> Iterator[tuple[str, str]]:
    """Yield the name of each entry point, and that of the class that says how it is installed, or of the base."""
    yield FILE, FILE
    yield SERVED, SERVED
    for name, mutant in mutants().items():
        if issubclass(mutant.kind, Installed):
            yield from ((own, name) for own in mutant.kind.names())


def __getattr__(attribute: str) -> Driver[DbApi] | Driver[PubSubApi]:
    name, _, role = attribute.rpartition("_")
    if role not in ("db", "pubsub"):
        raise AttributeError(attribute)
    if name == SERVED:
        provides, opens, options, address = (RemoteDb, RemotePubSub), _open_served, _SERVED_OPTIONS, config.address
    else:
        how = part(mutants()[name].kind, Installed) if name != FILE else Installed
        provides, opens, options, address = (SqliteDb, SqlitePubSub), _open_file, how.options, how.address  # type: ignore[assignment]
    kind: Any = provides[role == "pubsub"]
    return Driver(
        provides=kind, open=lambda settings, deadline: opens(kind, settings, deadline), options=options, address=address
    )


_SERVED_OPTIONS = [*config.OPTIONS, cfg.StrOpt("defect", help="The name of the mutant.")]


def _open_file(usual: Any, settings: Mapping[str, Any], deadline: float) -> Any:
    kind = _kind(settings, usual)
    return kind(File(settings["path"], timeout=min(2.0, deadline / 4)), Trim(keep=10 * deadline))


def _open_served(usual: Any, settings: Mapping[str, Any], deadline: float) -> Any:
    client = _kind(settings, Client)
    parts = {
        "client_kind": type(client.__name__, (client,), {"connection_kind": _kind(settings, Connection)}),
        "feed_kind": _kind(settings, RemoteFeed),
    }
    kind = _kind(settings, usual)
    return type(kind.__name__, (kind,), parts)(*config.place(settings, deadline))


def _kind(settings: Mapping[str, Any], usual: Any) -> Any:
    defect = settings["defect"]
    return part(mutants()[defect].kind, usual) if defect else usual
