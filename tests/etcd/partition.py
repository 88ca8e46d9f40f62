"""Members whose lines to each other can be cut, while clients reach all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil

from contract_tests.network.flow import Mode
from contract_tests.network.proxy import Proxy
from contract_tests.network.thread import Network
from contract_tests.servers.node import HOST
from dfbackends_etcd.testing import EtcdCluster, EtcdServer


class PartedCluster(EtcdCluster):
    """Three members, each of which is found by the others through a proxy.

    Two members send each other messages on the lines that both have opened, so a line is known by who has opened it, too.
    """

    def __init__(self, folder: Path, network: Network, *settings: str) -> None:
        self._network = network
        self._proxies: dict[str, Proxy] = {}
        # What becomes of bytes on all lines between two members.
        self._between: defaultdict[frozenset[str], Mode] = defaultdict(Mode)
        super().__init__(folder, *settings, way=self._way)

    @contextmanager
    def cut_off(self, node: EtcdServer) -> Iterator[None]:
        """Let what a member and the others send each other vanish, for the time of a ``with`` block."""
        modes = [self._between[frozenset((node.name, other.name))] for other in self.nodes if other is not node]
        for mode in modes:
            mode.swallows = True
        try:
            yield
        finally:
            for mode in modes:
                mode.swallows = False
            # Lines on which something has vanished stay cut.
            for proxy in self._proxies.values():
                proxy.mend()

    def close(self) -> None:
        """End all, and the lines between them."""
        self.kill()
        for proxy in self._proxies.values():
            proxy.close()

    def _way(self, name: str, port: int) -> int:
        proxy = self._proxies[name] = Proxy(self._network, (HOST, port), modes=partial(self._modes, name))
        return proxy.port

    def _modes(self, name: str, port: int) -> tuple[Mode, Mode]:
        opened = [node.name for node in self.running if _has(node, port, self._proxies[name].port)]
        mode = self._between[frozenset((name, *opened))]
        return mode, mode


def _has(node: EtcdServer, port: int, other: int) -> bool:
    """Tell whether a member has opened a line from one port to another; one that ends has none."""
    try:
        lines = psutil.Process(node.pid).net_connections("tcp4")
    except psutil.Error:
        return False
    return any(line.raddr and (line.laddr.port, line.raddr.port) == (port, other) for line in lines)
