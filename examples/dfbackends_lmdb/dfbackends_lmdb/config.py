"""The options of the driver, and how it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oslo_config import cfg

from dfbackends.api import Address, DbApi, Driver
from dfbackends.errors import ConfigurationError
from dfbackends_lmdb.db import LmdbDb

_OUTCOMES_FOR = 10
"""Deadlines for which the outcome of an operation is kept."""

OPTIONS: list[cfg.Opt] = [
    cfg.StrOpt(
        "path", help="The file. It is made where there is none, readable by this user only; beside it lies one of locks."
    ),
    cfg.IntOpt(
        "map_size",
        default=1024,
        min=1,
        max=1 << 24,
        help="MiB to which the store may grow; the file takes what is used. Give all processes the same.",
    ),
    cfg.BoolOpt("sync", default=True, help="Whether a write survives a power failure; without, one may destroy the store."),
]


def _open(settings: Mapping[str, Any], deadline: float) -> LmdbDb:
    if not settings["path"]:
        raise ConfigurationError("the lmdb driver needs a path")
    return LmdbDb(settings["path"], settings["map_size"] << 20, sync=settings["sync"], seconds=_OUTCOMES_FOR * deadline)


def _address(address: Address) -> Mapping[str, str]:
    if address.variant or address.hosts or address.user is not None or not address.path:
        raise ValueError("the form is lmdb:file, or lmdb:/directory/file")
    return {"path": address.path}


db: Driver[DbApi] = Driver(provides=LmdbDb, open=_open, options=OPTIONS, address=_address)
