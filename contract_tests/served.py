"""An installed backend over a server: what a driver author gets for the name of an entry point."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import dfbackends
from contract_tests.capability import Capability
from contract_tests.drivers import Drivers, opened
from contract_tests.fault import LINES, NETWORK, PROCESSES, SIMULATED, STORES, Fault
from contract_tests.faults.faulty import faulty_db, faulty_pubsub
from contract_tests.faults.injector import Injector
from contract_tests.faults.simulated import Simulated
from contract_tests.harness import Harness, Process
from contract_tests.network.gate import Gate
from contract_tests.network.outage import Outage
from contract_tests.network.plan import NetworkPlan
from contract_tests.network.proxy import HOST, Proxy
from contract_tests.network.thread import Network
from contract_tests.network.wire import Wire
from contract_tests.plan import Plan
from contract_tests.replaceable import Replaceable
from contract_tests.servers.server import Server
from dfbackends.api import Transactional, Watching
from dfbackends.config import Settings, from_url
from dfbackends.errors import ConfigurationError
from dfbackends.names import Namespace
from dfbackends.url import parse

GROUP = "dfbackends.harness"
"""Entry points that tell how to have a server of a backend: ``(nodes: int = 1) -> Server``, under the name of the backend.

Its own default is how many it takes to show all that the backend can do.
"""


class ServedHarness(Harness):
    """Opens a backend by its name and URL, as an application does; what it can do is told by its driver, and by the server.

    A case without faults works on the server as it is. For one with faults the drivers are opened by way of proxies, one for
    calls and one for lines for each handle; or faults are put around them, where the store is in their own process.
    """

    def __init__(self, name: str, server: Server) -> None:
        settings = from_url(parse(server.example))
        super().__init__(name, _capabilities(settings) | server.capabilities, _faults(settings, server))
        self.server = server
        self._polls = settings.pubsub is None
        self._network: Network | None = None
        self._plans: dict[str, Plan] = {}
        self._wires: dict[str, list[Wire]] = {}
        self._states = Gate()

    def start(self, folder: Path) -> None:
        self.server.start(folder)
        if not self.server.in_process:
            self._network = Network()

    def stop(self) -> None:
        if self._network is not None:
            self._network.stop()
        self.server.stop()

    def open(self, namespace: str, **settings: Any) -> dfbackends.Backend:
        plan = self._plans.get(namespace)
        if plan is None:
            return dfbackends.open(self.url(namespace, **settings))
        if isinstance(plan, NetworkPlan):
            return self._open_on_network(namespace, plan, **settings)
        drivers = opened(self.url(namespace, **settings))
        return self._assembled(drivers, drivers, Simulated(plan))

    @property
    def in_processes(self) -> bool:
        return True

    def url(self, namespace: str, **settings: Any) -> str:
        return _with_options(self.server.url(), namespace=namespace, **settings)

    def settings(self, namespace: str) -> str | None:
        lines = self.server.settings
        return f"[dfbackends]\nnamespace = {namespace}\n{lines}" if lines else None

    @property
    def answers(self) -> str:
        return self.server.answers

    def spared(self, fault: Fault) -> str | None:
        if self.server.in_process and fault in (NETWORK | LINES | PROCESSES) - SIMULATED:
            return "the store is in the process of its driver: there is neither a network nor a server"
        if fault in STORES and self.server.in_process and Capability.DURABLE not in self.capabilities:
            return "the store ends with its process: no other can come into its place"
        if fault is Fault.FAILED_OVER and self.server.count and not self.server.fails_over:
            return "no other process could take over from the one that serves"
        if fault in LINES - {Fault.SLICED} and self._polls:
            return "messages are polled for: there is no line"
        return self.server.spares.get(fault)

    def plan(self, namespace: str) -> Plan | None:
        if namespace not in self._plans and self.faults:
            simulated = self.server.in_process
            self._plans[namespace] = Plan(Namespace(namespace).public) if simulated else NetworkPlan(namespace)
        return self._plans.get(namespace)

    def process(self, namespace: str) -> Process | None:
        if not self.server.nodes:
            return None
        return Outage(self.server, self._wires.setdefault(namespace, []), self._plans[namespace])

    def replaceable(self, folder: Path) -> Replaceable | None:
        return self.server.replaceable(folder) if self.server.replaceable is not None else None

    def end(self, namespace: str) -> None:
        self._plans.pop(namespace, None)
        for wire in self._wires.pop(namespace, []):
            wire.close()
        self.server.recover()

    def _open_on_network(self, namespace: str, plan: NetworkPlan, **settings: Any) -> dfbackends.Backend:
        calls, lines = self._proxies(), self._proxies()
        needle = namespace.encode() if self.server.plain else b""
        wire = Wire(plan, self.server, calls, lines, needle, self._states)
        self._wires.setdefault(namespace, []).append(wire)
        ways = [self.server.url([proxy.port for proxy in proxies]) for proxies in (calls, lines)]
        asking, listening = (opened(_with_options(way, namespace=namespace, **settings)) for way in ways)
        plan.join(wire)
        return self._assembled(asking, listening, wire)

    def _proxies(self) -> Sequence[Proxy]:
        assert self._network is not None
        return [Proxy(self._network, (HOST, port)) for port in self.server.ports]

    def _assembled(self, asking: Drivers, listening: Drivers, injector: Injector) -> dfbackends.Backend:
        forgets = Capability.RESUMING not in self.capabilities
        self.failover = asking.db.failover
        _, _, (retries, deadline, _), namespace, threads = settings = asking.settings
        return dfbackends.assemble(
            faulty_db(asking.db, injector, lines=listening.db, forgets=forgets),
            faulty_pubsub(asking.pubsub, injector, lines=listening.pubsub, forgets=forgets),
            namespace=namespace,
            retries=retries,
            deadline=deadline,
            threads=threads,
            atomic=settings.shared,
        )


def registered(name: str, nodes: int | None = None) -> Server:
    """Return the server that a distribution has registered for a backend; without ``nodes`` as it thinks best.

    :raises ConfigurationError: none has, or it is broken
    """
    points = [point for point in metadata.entry_points(group=GROUP) if point.name == name]
    if not points:
        raise ConfigurationError(
            f"no server is registered for {name!r}: add an entry point of the group {GROUP}, or def server"
        )
    try:
        make = points[0].load()
        server: Server = make() if nodes is None else make(nodes=nodes)
    except Exception as error:
        raise ConfigurationError(f"the harness of {name!r} is broken: {type(error).__name__}: {error}") from error
    return server


def shipped() -> list[str]:
    """Return the names of the backends for which a distribution has registered a server."""
    return sorted({point.name for point in metadata.entry_points(group=GROUP)})


def _capabilities(settings: Settings) -> frozenset[Capability]:
    provides = settings.db.driver.provides
    found = {
        Capability.TRANSACTIONAL: issubclass(provides, Transactional),
        Capability.JOINT: settings.shared and issubclass(provides, Transactional),
        Capability.WATCHING: issubclass(provides, Watching),
        # Messages that are kept in the database are there after a break.
        Capability.RESUMING: settings.pubsub is None,
    }
    return frozenset(capability for capability, has in found.items() if has)


def _faults(settings: Settings, server: Server) -> frozenset[Fault]:
    stores = STORES if server.replaceable is not None else frozenset()
    if server.in_process:
        return stores | SIMULATED
    if not server.count:
        return frozenset()
    # Messages that are kept in the database, and polled for, have no line on a network.
    lines = LINES if settings.pubsub is not None else frozenset({Fault.SLICED})
    processes = PROCESSES if server.fails_over else PROCESSES - {Fault.FAILED_OVER}
    return stores | NETWORK | processes | server.states.keys() | lines


def _with_options(url: str, **options: Any) -> str:
    parameters = "&".join(f"{name}={value}" for name, value in options.items())
    return f"{url}{'&' if '?' in url else '?'}{parameters}"
