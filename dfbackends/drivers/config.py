"""The options of the embedded drivers, and how to open them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from oslo_config import cfg

from dfbackends.api import Address, DbApi, Driver, PubSubApi
from dfbackends.drivers.memory import MemoryDb, MemoryPubSub, Store, shared
from dfbackends.drivers.sqlite import File, SqliteDb, SqlitePubSub, Trim
from dfbackends.errors import ConfigurationError

_OUTCOMES_FOR = 10
"""Deadlines for which the outcome of an operation is kept."""

MEMORY: list[cfg.Opt] = [
    cfg.StrOpt("name", default="", help="Which store: all handles in the process that give the same name share it."),
    cfg.IntOpt(
        "log_rows",
        default=10_000,
        min=1,
        max=100_000_000,
        help="Changes and messages that are remembered for feeds that lag behind.",
    ),
]

SQLITE: list[cfg.Opt] = [
    cfg.StrOpt("path", help="The file. It is made where there is none, readable by this user only."),
    cfg.FloatOpt(
        "timeout",
        default=2.0,
        min=0.05,
        max=60.0,
        help="Seconds to wait for another writer, a quarter of the deadline at most.",
    ),
    cfg.StrOpt(
        "durability",
        default="process",
        choices=[
            ("process", "A write survives the end of the process; a power failure may take the last ones."),
            ("disk", "A write survives a power failure, and takes several times as long."),
        ],
        help="What a write that has returned survives.",
    ),
    cfg.IntOpt(
        "log_rows",
        default=100_000,
        min=1,
        max=100_000_000,
        help="Changes and messages that are kept in the file for feeds that lag behind.",
    ),
    cfg.IntOpt("max_size", default=0, min=0, max=100_000_000, help="MiB to which the file may grow; 0 for no limit."),
]


def _memory(settings: Mapping[str, Any], deadline: float) -> Store:
    return shared(settings["name"], log_rows=settings["log_rows"], keep=_OUTCOMES_FOR * deadline)


def _open_memory_db(settings: Mapping[str, Any], deadline: float) -> MemoryDb:
    return MemoryDb(_memory(settings, deadline))


def _open_memory_pubsub(settings: Mapping[str, Any], deadline: float) -> MemoryPubSub:
    return MemoryPubSub(_memory(settings, deadline))


def _memory_address(address: Address) -> Mapping[str, str]:
    if address.variant or address.hosts or address.user is not None:
        raise ValueError("the form is memory:name, or memory: for a store of its own")
    return {"name": address.path or uuid.uuid4().hex}


def _file(settings: Mapping[str, Any], deadline: float) -> File:
    if not settings["path"]:
        raise ConfigurationError("the sqlite driver needs a path")
    return File(
        settings["path"],
        # A call waits for two locks at most, and so does the question that settles it.
        timeout=min(settings["timeout"], deadline / 4),
        durable=settings["durability"] == "disk",
        max_size=settings["max_size"],
    )


def _trim(settings: Mapping[str, Any], deadline: float) -> Trim:
    return Trim(rows=settings["log_rows"], keep=_OUTCOMES_FOR * deadline)


def _open_sqlite_db(settings: Mapping[str, Any], deadline: float) -> SqliteDb:
    return SqliteDb(_file(settings, deadline), _trim(settings, deadline))


def _open_sqlite_pubsub(settings: Mapping[str, Any], deadline: float) -> SqlitePubSub:
    return SqlitePubSub(_file(settings, deadline), _trim(settings, deadline))


def _sqlite_address(address: Address) -> Mapping[str, str]:
    if address.variant or address.hosts or address.user is not None or not address.path:
        raise ValueError("the form is sqlite:file.db, or sqlite:/directory/file.db")
    return {"path": address.path}


memory_db: Driver[DbApi] = Driver(provides=MemoryDb, open=_open_memory_db, options=MEMORY, address=_memory_address)
memory_pubsub: Driver[PubSubApi] = Driver(
    provides=MemoryPubSub, open=_open_memory_pubsub, options=MEMORY, address=_memory_address
)
sqlite_db: Driver[DbApi] = Driver(provides=SqliteDb, open=_open_sqlite_db, options=SQLITE, address=_sqlite_address)
sqlite_pubsub: Driver[PubSubApi] = Driver(
    provides=SqlitePubSub, open=_open_sqlite_pubsub, options=SQLITE, address=_sqlite_address
)

OPTIONS: list[tuple[str, list[cfg.Opt]]] = [("dfbackends_memory", MEMORY), ("dfbackends_sqlite", SQLITE)]
"""The options with the groups that they stand in."""
