"""Members whose lines to each other can be cut, while clients reach all of them."""

from __future__ import annotations

import socket
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

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
        inode = _inode(port, self._proxies[name].port)
        opened = [node.name for node in self.running if inode is not None and _has(node, inode)]
        mode = self._between[frozenset((name, *opened))]
        return mode, mode


def _inode(port: int, other: int) -> str | None:
    """Return the inode of the socket that was connected from one port to another; None where it has ended.

    psutil makes an object of each line of this table, which has thousands while other tests run, and takes a tenth of a second
    of the thread that passes the bytes of all members.
    """
    table = Path("/proc/net/tcp").read_text()
    at = table.find(f" {_end(port)} {_end(other)} ")
    # From the local end on: both ends, the state, queues, timer, retransmissions, user, time-out, inode.
    return table[at : table.find("\n", at)].split()[8] if at >= 0 else None


def _end(port: int) -> str:
    return f"{int.from_bytes(socket.inet_aton(HOST), sys.byteorder):08X}:{port:04X}"


def _has(node: EtcdServer, inode: str) -> bool:
    fds = Path(f"/proc/{node.pid}/fd")
    with suppress(OSError):
        for fd in fds.iterdir():
            with suppress(OSError):
                if fd.readlink() == Path(f"socket:[{inode}]"):
                    return True
    return False
