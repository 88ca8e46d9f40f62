"""The master that Sentinel names."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from dfbackends.api import Finding
from dfbackends_redis.access import Address
from dfbackends_redis.errors import Demoted, HandleClosed, NoMaster, NotConnected, is_read_only
from dfbackends_redis.inspection import too_slow
from dfbackends_redis.node import Node
from dfbackends_redis.resp import pack
from dfbackends_redis.servers import Servers

_LOOK_EVERY = 0.25
_PATIENCE = 2.0
_CLOSE_WITHIN = 4.0

_ELECTION = 3.0
"""Seconds from when a master is taken for dead until another one takes writes, and clients have found it."""

LOG = logging.getLogger(__name__)


class Sentinel(Servers):
    """Asks again before a call when the last answer is a quarter of a second old.

    A master that has been replaced on demand goes on taking writes for many seconds, all of which are lost: it does not know
    yet, but the sentinels do.
    """

    def __init__(
        self,
        sentinels: Sequence[Node],
        service: str,
        node: Callable[[Address], Node],
        *,
        reached: Mapping[Address, Address],
        moment: float,
    ) -> None:
        """Take those who are asked for a service, and by which addresses those are reached that they name.

        A call that finds the last answer too old waits for the next one for ``moment`` seconds at most.
        """
        self._sentinels = list(sentinels)
        self._service = service
        self._node = node
        self._reached = dict(reached)
        self._moment = moment
        self._master: Node | None = None
        self._look_at = 0.0
        # Held by the first who asks; later ones do it on a thread of their own, and tell when they have ended.
        self._asking = threading.Lock()
        self._told = threading.Event()
        # Guards the two below.
        self._lock = threading.Lock()
        self._asker: threading.Thread | None = None
        self._closed = False

    def owner(self, slot: int) -> Node:
        master = self._master
        if master is None:
            with self._asking:
                return self._master or self._ask()
        if time.monotonic() >= self._look_at:
            self._ask_beside()
        return self._master or master

    def masters(self) -> list[Node]:
        return [self.owner(0)]

    def at(self, address: Address, slot: int | None = None) -> Node:
        return self.owner(0)

    def failed(self, node: Node, error: Exception) -> None:
        if node is self._master and (isinstance(error, NotConnected) or is_read_only(error)):
            self._look_at = 0.0

    def serves(self, node: Node) -> bool:
        try:
            return self.owner(0) is node
        except (NotConnected, NoMaster):
            return True

    def findings(self, failover: float) -> list[Finding]:
        for sentinel in list(self._sentinels):
            try:
                with sentinel.line() as wire:
                    answer = wire.ask(pack(("SENTINEL", "MASTER", self._service)))
            except Exception as error:  # noqa: BLE001 - the next one may be there.
                LOG.debug("a sentinel could not be asked: %s", type(error).__name__)
                continue
            if isinstance(answer, Exception):
                text = "could not be looked at: the user needs +sentinel|master (see python -m dfbackends_redis.acl)"
                return [Finding(f"{sentinel.address}: down-after-milliseconds {text}")]
            told = dict(zip(answer[::2], answer[1::2], strict=True))
            needed = int(told[b"down-after-milliseconds"]) / 1000 + _ELECTION
            found = too_slow("down-after-milliseconds", needed, failover)
            return [finding._replace(text=f"{sentinel.address}: {finding.text}") for finding in found]
        return [Finding("down-after-milliseconds could not be looked at: no sentinel answers")]

    def close(self) -> None:
        with self._lock:
            self._closed = True
            asker = self._asker
        for sentinel in self._sentinels:
            sentinel.end()
        if asker is not None:
            asker.join(_CLOSE_WITHIN)
        if self._master is not None:
            self._master.end()

    def _ask_beside(self) -> None:
        """Let somebody ask, and wait for that for a moment: sentinels that do not answer must not cost the caller the time
        that he has for his call."""
        with self._lock:
            if self._closed:
                raise HandleClosed
            if self._asker is None:
                self._told.clear()
                self._asker = threading.Thread(target=self._run, name="dfb-sentinel", daemon=True)
                self._asker.start()
        self._told.wait(self._moment)

    def _run(self) -> None:
        try:
            self._ask()
        except Exception as error:  # noqa: BLE001 - without sentinels nobody replaces a master.
            LOG.debug("no sentinel names the master: %s", type(error).__name__)
            self._look_at = time.monotonic() + _PATIENCE
        finally:
            with self._lock:
                self._asker = None
            self._told.set()

    def _ask(self) -> Node:
        """Return the master, whom the first sentinel names that answers.

        :raises NotConnected: none did
        :raises NoMaster: none knows one
        """
        master = self._master
        failure: Exception | None = None
        for sentinel in list(self._sentinels):
            if self._closed:
                raise HandleClosed
            try:
                address = self._asked(sentinel)
                if master is None or address != master.address:
                    master = self._follow(address)
            except Exception as error:  # noqa: BLE001 - the next one may know better.
                failure = failure or error
                # The others are asked first from now on.
                self._sentinels = [*(other for other in self._sentinels if other is not sentinel), sentinel]
                continue
            self._look_at = time.monotonic() + _LOOK_EVERY
            return master
        raise failure or NoMaster("no sentinel is named")

    def _asked(self, sentinel: Node) -> Address:
        with sentinel.line() as wire:
            answer = wire.ask(pack(("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._service)))
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            raise NoMaster("a sentinel knows no such service")
        host, port = answer
        announced = Address(host.decode(), int(port))
        return self._reached.get(announced, announced)

    def _follow(self, address: Address) -> Node:
        """Turn to a server, after it has said that it is the master.

        :raises Demoted: it is not, or not yet
        """
        node = self._node(address)
        try:
            with node.line() as wire:
                role = wire.ask(pack(("ROLE",)))
            if isinstance(role, Exception):
                raise role
            if role[0] != b"master":
                raise Demoted("the server that a sentinel named is not the master yet, or no longer")
        except BaseException:
            node.close()
            raise
        old, self._master = self._master, node
        if old is not None:
            old.close()
        return node
