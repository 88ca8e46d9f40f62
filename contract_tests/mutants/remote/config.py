"""The options of the driver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oslo_config import cfg

from contract_tests.mutants.remote.db import RemoteDb, RemotePubSub
from dfbackends.api import Address, DbApi, Driver, PubSubApi

OPTIONS: list[cfg.Opt] = [
    cfg.StrOpt("hosts", default="127.0.0.1:7000", help="Where the nodes are: HOST:PORT of each, with commas."),
    cfg.FloatOpt("timeout", default=1.0, min=0.05, max=60.0, help="Seconds for a call, a quarter of the deadline at most."),
]


def address(address: Address) -> Mapping[str, str]:
    """Return what the address in a URL stands for."""
    if address.variant or address.user is not None or address.path or ":" not in address.hosts:
        raise ValueError("the form is remote://host:port,host:port")
    return {"hosts": address.hosts}


def place(settings: Mapping[str, Any], deadline: float) -> tuple[list[tuple[str, int]], float]:
    """Return where the nodes are, and how many seconds a call waits for one."""
    nodes = [node.rpartition(":") for node in settings["hosts"].split(",")]
    return [(host, int(port)) for host, _, port in nodes], min(settings["timeout"], deadline / 4)


def _open_db(settings: Mapping[str, Any], deadline: float) -> RemoteDb:
    return RemoteDb(*place(settings, deadline))


def _open_pubsub(settings: Mapping[str, Any], deadline: float) -> RemotePubSub:
    return RemotePubSub(*place(settings, deadline))


db: Driver[DbApi] = Driver(provides=RemoteDb, open=_open_db, options=OPTIONS, address=address)
pubsub: Driver[PubSubApi] = Driver(provides=RemotePubSub, open=_open_pubsub, options=OPTIONS, address=address)
