"""The options of the embedded drivers, and how to open them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from oslo_config import cfg

from dfbackends.api import Address, DbApi, Driver, PubSubApi
from dfbackends.drivers.memory import MemoryDb, MemoryPubSub, Store, shared

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


def _memory(settings: Mapping[str, Any], deadline: float) -> Store:
    return shared(settings["name"], log_rows=settings["log_rows"], keep=_OUTCOMES_FOR * deadline)


def _open_memory_db(settings: Mapping[str, Any], deadline: float) -> DbApi:
    return MemoryDb(_memory(settings, deadline))


def _open_memory_pubsub(settings: Mapping[str, Any], deadline: float) -> PubSubApi:
    return MemoryPubSub(_memory(settings, deadline))


def _memory_address(address: Address) -> Mapping[str, str]:
    if address.variant or address.hosts or address.user is not None:
        raise ValueError("the form is memory:name, or memory: for a store of its own")
    return {"name": address.path or uuid.uuid4().hex}


memory_db = Driver(provides=MemoryDb, open=_open_memory_db, options=MEMORY, address=_memory_address)
memory_pubsub = Driver(provides=MemoryPubSub, open=_open_memory_pubsub, options=MEMORY, address=_memory_address)
