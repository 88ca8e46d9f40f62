"""What keeps a data plane equal to a store, and says when it may not be.

Two mirrors copy what this host needs: the ports of its tenants, and its own entry in the table ``host``, which names them.
A tenant that comes or goes is state, so it is stored, and can not be missed; what is published are commands, which at worst are
obeyed once too often.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from agent.dataplane import DataPlane, Flow
from dfbackends import Backend, Changed, Closed, Entry, Error, InvalidName, Loss, Mirror, Reason, Subscription

LOG = logging.getLogger(__name__)

PORT: dict[str, Any] = {
    "type": "object",
    "required": ["mac", "host"],
    "properties": {"mac": {"type": "string", "pattern": "^([0-9a-f]{2}:){5}[0-9a-f]{2}$"}, "host": {"type": "string"}},
}
"""The schema of the table ``port``; the topic of a port is its tenant."""


class Agent:
    """Runs until the end of its ``with`` block, on the threads of the backend and one of its own, which reports.

    :raises BackendError: the store went away before it had begun
    """

    def __init__(
        self, backend: Backend, plane: DataPlane, *, host: str, tenants: Sequence[str], check_every: float, report_every: float
    ) -> None:
        self._db = backend.db
        self._plane = plane
        self._host = host
        self._usual = tenants
        self._report_every = report_every
        self._news = threading.Event()
        self._ended = False
        # Guards the data plane and the four below. Held until all is there, so that no handler runs before.
        self._lock = threading.Lock()
        self._current = False
        self._synced = {"port": False, "host": False}
        # Kept by what was told alone: a mirror that is read is ahead of that, and never tells what came and went meanwhile.
        self._wanted: dict[str, Entry] = {}
        self._refused: dict[str, str] = {}
        with self._lock:
            backend.pubsub.subscribe(f"agent.{host}", self._command, on_loss=self._missed)
            self._ports = backend.mirror(
                "port", topics=tenants, on_change=self._port, on_state=self._state, check_interval=check_every
            )
            self._hosts = backend.mirror(
                "host", topics=[host], on_change=self._tenants, on_state=self._state, check_interval=check_every
            )
        threading.Thread(target=self._report, name="report", daemon=True).start()

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended = True
        self._news.set()

    def _port(self, change: Changed) -> None:
        with self._lock:
            if change.new is not None:
                self._wanted[change.key] = change.new
            else:
                self._wanted.pop(change.key, None)
            self._apply(change.key)

    def _tenants(self, change: Changed) -> None:
        """Mirror the tenants that the store names, else those of the configuration; the report says which."""
        if change.key != self._host:
            return
        with self._lock:
            try:
                self._ports.topics = change.new.value["tenants"] if change.new is not None else self._usual
            except (KeyError, TypeError, InvalidName) as error:
                LOG.warning("the tenants of this host can not be read: %s: %s", type(error).__name__, error)
                self._ports.topics = self._usual
            LOG.info("tenants: %s", ", ".join(sorted(self._ports.topics or ())) or "none")
            self._judge()

    def _state(self, mirror: Mirror, synced: bool) -> None:  # noqa: FBT001 - so it is called.
        """Called after the differences were: what was told is in the data plane."""
        with self._lock:
            if synced and mirror is self._ports:
                self._compare()
            self._synced[mirror.table] = synced
            self._judge()

    def _command(self, topic: str, data: Any) -> None:
        if data == "resync":
            self._resync()
        else:
            LOG.warning("no command: %r", data)

    def _missed(self, commands: Subscription, loss: Loss) -> None:
        """A command may have been lost, so the only one that there is is obeyed; again, perhaps, which does no harm."""
        if loss.reason is Reason.RECOVERED:
            commands.renew()
        if loss.reason not in (Reason.DOWN, Reason.RESUMED):
            self._resync()

    def _resync(self) -> None:
        with self._lock:
            if self._synced["port"]:
                self._compare()
                LOG.info("compared")

    def _compare(self) -> None:
        """Make the data plane what was told: it may have flows of an earlier agent, or somebody has touched it."""
        for name in self._plane.flows().keys() | self._wanted.keys():
            self._apply(name)

    def _apply(self, name: str) -> None:
        self._refused.pop(name, None)
        port = self._wanted.get(name)
        try:
            flow = self._flow(port) if port is not None else None
        except (KeyError, TypeError) as error:
            # It was written while the table had no schema: nothing is forwarded to it, and the report says so.
            self._refused[name] = f"{type(error).__name__}: {error}"
            flow = None
        if flow is None:
            self._plane.remove(name)
        else:
            self._plane.put(name, flow)

    def _flow(self, port: Entry) -> Flow:
        here = port.value["host"] == self._host
        return Flow(f"{port.topic} {port.value['mac']}", f"output {port.key}" if here else f"tunnel {port.value['host']}")

    def _judge(self) -> None:
        """Mark the data plane. Both count: what was told is applied, what a mirror says of itself is newer."""
        current = all(self._synced.values()) and self._ports.synced and self._hosts.synced
        if current == self._current:
            return
        self._current = current
        if current:
            self._plane.trust()
            LOG.info("current: %d ports", self._ports.size)
        else:
            self._plane.doubt("the copy may not be what is stored")
            LOG.info("stale")
        self._news.set()

    def _report(self) -> None:
        """Say how this host is, at intervals and when that changes. Whoever finds the last report old knows that it is dead."""
        while not self._ended:
            self._news.clear()
            try:
                self._db.put("chassis", self._host, self._health(), topic=self._host)
                # Again each time, since a store that was wiped has no schema.
                self._db.create_table("port", schema=PORT)
            except Closed:
                return
            except Error as error:
                LOG.warning("no report: %s", error)
            self._news.wait(self._report_every)

    def _health(self) -> dict[str, Any]:
        with self._lock:
            return {
                "state": "current" if self._current else "stale",
                "seen": time.time(),
                "again": self._report_every,
                "ports": self._ports.size,
                "tenants": sorted(self._ports.topics or ()),
                "refused": dict(self._refused),
            }
