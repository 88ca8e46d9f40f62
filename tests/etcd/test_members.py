"""Several members: one that is dead or frozen costs some seconds, and nothing that was acknowledged."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

import dfbackends
from contract_tests.servers.node import HOST, free_port
from contract_tests.waiting import FACTOR, eventually
from dfbackends import Closed, OutcomeUnknown, Unavailable
from dfbackends.api import Key, OpId, Table, Write
from dfbackends.errors import Error, understand
from dfbackends_etcd.errors import CallFailed, NotConnected
from dfbackends_etcd.testing import EtcdCluster, EtcdServer
from tests.etcd.conftest import OpenDriver
from tests.servers import Open

LONGEST = 4.0
"""Seconds that one member may cost."""


class Writer:
    """Counts up, and notes what was acknowledged and what each call took."""

    def __init__(self, backend: dfbackends.Backend) -> None:
        self.acknowledged = 0
        self.errors: list[Error] = []
        self.longest = 0.0
        self._backend = backend
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                self._backend.db.put("count", "k", self.acknowledged + 1)
                self._backend.db.put("each", str(self.acknowledged + 1), 1)
                self.acknowledged += 1
            except Error as error:
                self.errors.append(error)
            self.longest = max(self.longest, time.monotonic() - began)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


@pytest.mark.parametrize("who", ["leader", "follower"])
@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_a_member_that_is_gone_costs_some_seconds_and_nothing_that_was_written(
    cluster: EtcdCluster, opened: Open, who: str, how: str
) -> None:
    backend = opened(cluster.url)
    leader = cluster.leader
    victim = leader if who == "leader" else next(node for node in cluster.nodes if node is not leader)

    with Writer(backend) as writer:
        eventually(lambda: writer.acknowledged > 20, "some writes")
        getattr(victim, how)()
        before = writer.acknowledged
        eventually(lambda: writer.acknowledged > before + 50, "more writes")

    assert writer.errors == []
    assert writer.longest < 2 * LONGEST * FACTOR  # Each round writes twice.
    assert backend.db.get("count", "k") >= writer.acknowledged
    assert len(list(backend.db.keys("each"))) >= writer.acknowledged


def test_members_that_are_not_there_cost_nothing(server: EtcdServer, driver: OpenDriver) -> None:
    absent = ",".join(f"{HOST}:{free_port()}" for _ in range(4))
    took = []

    for _ in range(5):
        db = driver(f"etcd://{absent},{HOST}:{server.port}?")
        began = time.monotonic()
        db.read([Key(Table("t", "t"), "k")])
        took.append(time.monotonic() - began)

    # One whose silence had to be waited for would take a second.
    assert min(took) < 0.5 * FACTOR


def test_a_refused_port_is_definite_and_quick() -> None:
    began = time.monotonic()

    with pytest.raises(Unavailable) as caught:
        dfbackends.open(f"etcd://{HOST}:{free_port()}?retries=0")

    assert caught.value.code == "unreachable"
    assert time.monotonic() - began < 5 * FACTOR  # Half of the deadline.


def test_an_unknown_host_is_definite_and_quick() -> None:
    began = time.monotonic()

    with pytest.raises(Unavailable):
        dfbackends.open("etcd://no-such-host.invalid?retries=0")

    assert time.monotonic() - began < 5 * FACTOR  # Half of the deadline.


def test_who_never_answered_was_sent_nothing(driver: OpenDriver, ops: Iterator[OpId]) -> None:
    with socket.create_server((HOST, 0)) as silent:
        db = driver(f"etcd://{HOST}:{silent.getsockname()[1]}?deadline=5")
        began = time.monotonic()

        with pytest.raises(NotConnected) as caught:
            db.write([Write(Key(Table("t", "t"), "k"), b"1")], next(ops))

        assert understand(caught.value, db.errors).kind is Unavailable
        assert time.monotonic() - began < 4 * FACTOR


def test_a_frozen_server_leaves_a_write_in_doubt_within_the_deadline(fresh: EtcdServer, opened: Open) -> None:
    fresh.start()
    backend = opened(f"{fresh.url}deadline=3")
    backend.db.put("t", "k", 1)

    with fresh.freezing():
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            backend.db.put("t", "k", 2)
        assert time.monotonic() - began < 5 * FACTOR


def test_a_server_that_comes_back_is_found_by_the_same_object(fresh: EtcdServer, opened: Open) -> None:
    fresh.start()
    backend = opened(f"{fresh.url}deadline=3&retries=0")
    backend.db.put("t", "k", 1)
    fresh.kill()
    with pytest.raises(Error):
        backend.db.get("t", "k")
    fresh.start()

    eventually(lambda: reads(backend) == 1, "the server is found again")


def reads(backend: dfbackends.Backend) -> object:
    try:
        return backend.db.get("t", "k")
    except Error:
        return None


def test_no_proxy_of_the_environment_is_used(server: EtcdServer, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://{HOST}:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)

    opened(server.url).db.put("t", "k", 1)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_the_child_of_a_fork_gets_closed_and_takes_nothing_from_its_parent(server: EtcdServer, opened: Open) -> None:
    backend = opened(server.url)
    backend.db.put("fork", "k", 1)
    with Writer(backend) as writer:
        eventually(lambda: writer.acknowledged > 5, "some writes")
        for _ in range(5):
            pid = os.fork()
            if not pid:
                code = 1
                try:
                    backend.db.get("fork", "k")
                except Closed:
                    code = 0
                finally:
                    backend.close()
                    os._exit(code)
            assert waited(pid) == 0
        before = writer.acknowledged
        eventually(lambda: writer.acknowledged > before + 5, "the parent goes on")

    assert writer.errors == []
    assert backend.db.get("fork", "k") == 1


def test_a_child_that_ends_as_an_interpreter_does_takes_nothing_either(server: EtcdServer) -> None:
    code = (
        "import os, sys, dfbackends\n"
        f"backend = dfbackends.open('{server.url}')\n"
        "backend.db.put('fork', 'k', 1)\n"
        "pid = os.fork()\n"
        "if not pid:\n"
        "    try: backend.db.get('fork', 'k')\n"
        "    except dfbackends.Closed: sys.exit(0)\n"
        "    sys.exit(5)\n"
        "print(os.waitpid(pid, 0)[1], flush=True)\n"
        "for number in range(20): backend.db.put('fork', 'k', number)\n"
        "print(backend.db.get('fork', 'k'))\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)

    assert (done.stdout, done.returncode) == ("0\n19\n", 0), done.stderr


def waited(pid: int) -> int:
    """Return how a child ended, which is killed where it does not."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("state", ["up", "down", "frozen"])
def test_closing_takes_no_time_whatever_the_server_does(fresh: EtcdServer, state: str) -> None:
    fresh.start()
    backend = dfbackends.open(f"{fresh.url}", wait=5)
    backend.db.put("t", "k", 1)
    {"up": lambda: None, "down": fresh.kill, "frozen": fresh.freeze}[state]()

    def write() -> None:
        with suppress(Error):
            backend.db.put("t", "k", 2)

    waiting = threading.Thread(target=write)
    waiting.start()
    began = time.monotonic()
    backend.close()

    assert time.monotonic() - began < 5 * FACTOR
    fresh.thaw()
    waiting.join(10)
    assert not waiting.is_alive()


def test_many_threads_at_a_frozen_server_do_not_wait_for_each_other(fresh: EtcdServer, driver: OpenDriver) -> None:
    fresh.start()
    db = driver(f"{fresh.url}timeout=0.5")
    took: list[float] = []

    def read() -> None:
        began = time.monotonic()
        with suppress(CallFailed, NotConnected):
            db.read([Key(Table("t", "t"), "k")])
        took.append(time.monotonic() - began)

    def write(number: int) -> None:
        began = time.monotonic()
        with suppress(CallFailed, NotConnected):
            db.write([Write(Key(Table("t", "t"), "k"), b"1")], OpId(f"frozen-{number}"))
        took.append(time.monotonic() - began)

    with fresh.freezing():
        threads = [threading.Thread(target=read) for _ in range(6)]
        threads += [threading.Thread(target=write, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(took) == 12
    # One after the other they would take six seconds.
    assert max(took) < 3 * FACTOR
