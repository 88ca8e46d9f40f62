"""The servers of a cluster, and which of them has which slots."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from redis import exceptions as redis

from dfbackends_redis.access import Address
from dfbackends_redis.errors import HandleClosed, NoMaster, NotConnected
from dfbackends_redis.node import Node
from dfbackends_redis.resp import pack
from dfbackends_redis.servers import Servers

_SLOTS = 16_384
_PAUSE = 0.1
_CLOSE_WITHIN = 4.0

LOG = logging.getLogger(__name__)

_SHOWS_ANOTHER_WORLD = (NotConnected, redis.ConnectionError, redis.TimeoutError, redis.ClusterDownError, redis.ReadOnlyError)


class Cluster(Servers):
    """Learns from any of its servers who has what, and again when that seems to have changed.

    redis-py's client does that, too, but throws its connections away as it does, repeats without a pause, and raises what is no
    RedisError on the way; here nothing is changed that did not change.
    """

    def __init__(
        self,
        startup: Sequence[Address],
        node: Callable[[Address], Node],
        *,
        warm: bool,
        reached: Mapping[Address, Address],
        moment: float,
    ) -> None:
        """Take some addresses to begin with, and by which others those that are announced are reached; ``warm`` for a line to
        every master from the beginning on. A call waits for an answer that may be new for ``moment`` seconds at most."""
        self._startup = list(startup)
        self._node = node
        self._warm = warm
        self._reached = dict(reached)
        self._moment = moment
        # Guards all below; owners are read without it.
        self._lock = threading.Lock()
        self._nodes: dict[Address, Node] = {}
        self._owners: list[Node | None] = [None] * _SLOTS
        self._masters: list[Node] = []
        self._learned = 0.0
        self._stale = True
        self._closed = False
        self._learner: threading.Thread | None = None
        # Held by the first who asks; later ones do it on a thread of their own, and tell when they have ended.
        self._asking = threading.Lock()
        self._told = threading.Event()

    def owner(self, slot: int) -> Node:
        if self._stale:
            self._learn()
        node = self._owners[slot]
        if node is None:
            self._stale = True
            raise NoMaster(f"nobody has slot {slot}")
        return node

    def masters(self) -> list[Node]:
        if self._stale:
            self._learn()
        return list(self._masters)

    def at(self, address: Address, slot: int | None = None) -> Node:
        with self._lock:
            node = self._known(self._reached.get(address, address))
            if slot is not None:
                self._owners[slot] = node
                self._stale = True
        return node

    def failed(self, node: Node, error: Exception) -> None:
        if isinstance(error, _SHOWS_ANOTHER_WORLD):
            self._stale = True

    def serves(self, node: Node) -> bool:
        return True

    def close(self) -> None:
        with self._lock:
            self._closed = True
            nodes, learner = list(self._nodes.values()), self._learner
        for node in nodes:
            node.end()
        if learner is not None:
            learner.join(_CLOSE_WITHIN)

    def _learn(self) -> None:
        """Ask who has what. Where that is known from before, somebody asks while the caller waits for a moment only: servers
        that do not answer must not cost him the time that he has for his call.

        :raises NotConnected: nobody answered, and nothing is known from before
        """
        if not self._masters:
            with self._asking:
                if not self._masters:
                    self._ask()
            return
        with self._lock:
            if self._closed:
                raise HandleClosed
            if self._learner is None:
                if time.monotonic() < self._learned + _PAUSE:
                    return
                self._told.clear()
                self._learner = threading.Thread(target=self._ask_beside, name="dfb-slots", daemon=True)
                self._learner.start()
        self._told.wait(self._moment)

    def _ask_beside(self) -> None:
        try:
            self._ask()
        except Exception as error:  # noqa: BLE001 - the next call that fails lets it be asked again.
            LOG.debug("no server of the cluster tells who has what: %s", type(error).__name__)
        finally:
            with self._lock:
                self._learned = time.monotonic()
                self._learner = None
            self._told.set()

    def _ask(self) -> None:
        failure: Exception | None = None
        for node in self._sources():
            try:
                slots = _slots(node)
            except Exception as error:  # noqa: BLE001 - the next one may do better.
                failure = failure or error
                if self._closed:
                    break
                continue
            self._take(slots, node.address.host)
            return
        raise failure or NoMaster("no server is named")

    def _sources(self) -> list[Node]:
        """Return whom to ask, those first to whom there is a line."""
        with self._lock:
            if self._closed:
                raise HandleClosed
            known = list(self._nodes.values())
            startup = [self._known(address) for address in self._startup]
        nodes = list(dict.fromkeys([*known, *startup]))
        return sorted(nodes, key=lambda node: not node.connected)

    def _take(self, slots: Sequence[Any], host: str) -> None:
        owners: list[Node | None] = [None] * _SLOTS
        masters: dict[Address, Node] = {}
        with self._lock:
            for first, last, master, *_ in slots:
                announced = Address(_text(master[0]) or host, int(master[1]))
                address = self._reached.get(announced, announced)
                node = masters[address] = self._known(address)
                owners[first : last + 1] = [node] * (last - first + 1)
            first_time = not self._masters
            self._owners = owners
            self._masters = [masters[address] for address in sorted(masters)]
            gone = [self._nodes.pop(address) for address in list(self._nodes) if address not in masters]
            self._learned = time.monotonic()
            self._stale = False
        for node in gone:
            node.close()
        if first_time and self._warm:
            for node in self._masters:
                # Who does not answer now is found when something is to be asked there.
                with contextlib.suppress(NotConnected):
                    node.warm()

    def _known(self, address: Address) -> Node:
        if self._closed:
            raise HandleClosed
        if address not in self._nodes:
            self._nodes[address] = self._node(address)
        return self._nodes[address]


def _slots(node: Node) -> list[Any]:
    with node.line() as wire:
        answer = wire.ask(pack(("CLUSTER", "SLOTS")))
    if isinstance(answer, Exception):
        raise answer
    if not answer:
        raise NoMaster("the cluster has no slots")
    return list(answer)


def _text(host: bytes | None) -> str:
    # Redis 7 says a question mark for a name that it does not know.
    return "" if host in (None, b"?") or host is None else host.decode()
