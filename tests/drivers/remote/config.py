"""The options of the driver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oslo_config import cfg

from dfbackends.api import Address, DbApi, Driver, PubSubApi
from tests.drivers.remote.db import RemoteDb, RemotePubSub

OPTIONS: list[cfg.Opt] = [
    cfg.HostAddressOpt("host", default="127.0.0.1", help="Where the server is."),
    cfg.PortOpt("port", default=7000, help="The port of the server."),
    cfg.FloatOpt("timeout", default=1.0, min=0.05, max=60.0, help="Seconds for a call, a quarter of the deadline at most."),
]


def _address(address: Address) -> Mapping[str, str]:
    host, colon, port = address.hosts.partition(":")
    if address.variant or address.user is not None or address.path or not colon:
        raise ValueError("the form is remote://host:port")
    return {"host": host, "port": port}


def _place(settings: Mapping[str, Any], deadline: float) -> tuple[tuple[str, int], float]:
    return (settings["host"], settings["port"]), min(settings["timeout"], deadline / 4)


def _open_db(settings: Mapping[str, Any], deadline: float) -> RemoteDb:
    return RemoteDb(*_place(settings, deadline))


def _open_pubsub(settings: Mapping[str, Any], deadline: float) -> RemotePubSub:
    return RemotePubSub(*_place(settings, deadline))


db: Driver[DbApi] = Driver(provides=RemoteDb, open=_open_db, options=OPTIONS, address=_address)
pubsub: Driver[PubSubApi] = Driver(provides=RemotePubSub, open=_open_pubsub, options=OPTIONS, address=_address)
