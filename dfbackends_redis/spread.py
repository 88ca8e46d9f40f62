"""Publishers and subscribers, spread over the servers: each uses one, and the next one begins with the next server."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from dfbackends_redis.errors import NoMaster, NotConnected
from dfbackends_redis.node import Node
from dfbackends_redis.place import slot
from dfbackends_redis.requests import Requests

_KEYS = 100_000

F = TypeVar("F")


def in_turn(requests: Requests, who: str) -> list[Node]:
    """Return all servers, the one whose turn it is first. All clients of a store count together.

    :raises NotConnected: no server could be asked which there are
    """
    nodes = requests.servers.masters()
    if len(nodes) > 1:
        key = f"dfb:{{{who}}}n"
        try:
            number = int(requests.answer(slot(key), "INCR", key))
        except Exception:  # noqa: BLE001 - without that server, chance spreads well enough.
            number = random.randrange(len(nodes))
        start = number % len(nodes)
        nodes = nodes[start:] + nodes[:start]
    return nodes


def others_first(requests: Requests, node: Node) -> list[Node]:
    """Return all servers, in the place of one that seems to be gone: that one last, the others by chance.

    :raises NotConnected: no server could be asked which there are
    """
    nodes = requests.servers.masters()
    random.shuffle(nodes)
    return sorted(nodes, key=lambda other: other is node)


def first_of(requests: Requests, nodes: Sequence[Node], use: Callable[[Node], F], *, until: float = math.inf) -> F:
    """Return what the first server gives that can be reached; none is tried after the time given (time.monotonic).

    :raises NotConnected: none of those that were tried can be reached
    """
    failure: NotConnected | None = None
    for node in nodes:
        try:
            return use(node)
        except NotConnected as error:
            requests.servers.failed(node, error)
            failure = failure or error
        if time.monotonic() > until:
            break
    raise failure or NoMaster


def guard_of(requests: Requests, node: Node) -> str:
    """Return a key that a server has, for who publishes there to write."""
    for number in range(_KEYS):
        key = f"dfb:{{guard-{number}}}g"
        if requests.servers.owner(slot(key)) is node:
            return key
    raise LookupError("the server has no slots")
