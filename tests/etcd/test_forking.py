"""Forks of a process that uses etcd: the parent loses nothing, the child opens its own, or is told why not."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter

import dfbackends
from contract_tests.clients.processes import in_child
from dfbackends import Closed, Reason
from dfbackends_etcd.testing import EtcdServer
from tests.cli.running import PATIENCE
from tests.inbox import Inbox
from tests.servers import Open

FORKS = 10

CHILD = """
import os
import sys

import dfbackends

url = sys.argv[1]
with dfbackends.open(url) as backend:
    backend.db.put("t", "k", 1)
    child = os.fork()
    if child == 0:
        try:
            with dfbackends.open(url) as own:
                own.db.put("t", "k", 2)
        except dfbackends.BackendError as error:
            print(type(error.__cause__).__name__, error.__cause__, flush=True)
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    backend.db.put("t", "k", 3)
    sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Uses etcd, and does so in a child, which tells what it was refused."""


def opens_its_own(url: str) -> str:
    with dfbackends.open(url) as backend:
        inbox = Inbox()
        backend.pubsub.subscribe("own", inbox.on_message, on_loss=inbox.on_loss)
        backend.pubsub.publish("own", 1)
        inbox.until(1)
        backend.db.put("t", "child", os.getpid())
        found: int = backend.db.get("t", "child")
    return str(found == os.getpid())


def test_a_child_opens_its_own_beside_lines_that_are_in_use(server: EtcdServer, opened: Open) -> None:
    inbox = Inbox()
    backend = opened(server.url)
    backend.pubsub.subscribe("numbers", inbox.on_message, on_loss=inbox.on_loss)
    mirror = backend.mirror("t")
    mirror.wait_synced(10)

    for number in range(3):
        assert in_child(lambda: opens_its_own(server.url)) == "True"
        backend.pubsub.publish("numbers", number)

    assert inbox.until(2) == [0, 1, 2]
    mirror.wait_synced(10)


def test_a_child_of_a_process_whose_threads_call_all_the_time_opens_its_own(server: EtcdServer, opened: Open) -> None:
    backend = opened(server.url)
    stop = threading.Event()

    def load(number: int) -> None:
        while not stop.is_set():
            backend.db.put("busy", str(number), number)

    threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        answers = Counter(in_child(lambda: opens_its_own(server.url)) for _ in range(FORKS))
    finally:
        stop.set()
        for thread in threads:
            thread.join()

    assert answers == {"True": FORKS}


def test_a_child_touches_nothing_of_its_parents(server: EtcdServer, opened: Open) -> None:
    inbox = Inbox()
    backend = opened(server.url)
    backend.pubsub.subscribe("numbers", inbox.on_message, on_loss=inbox.on_loss)
    backend.db.put("t", "k", 1)

    def use() -> str:
        for call in (lambda: backend.db.get("t", "k"), lambda: backend.pubsub.publish("numbers", 0)):
            try:
                call()
            except Closed:
                continue
            return "not refused"
        backend.close()
        return "refused"

    assert in_child(use) == "refused"
    backend.pubsub.publish("numbers", 1)

    assert inbox.until(1) == [1]
    assert Reason.DOWN not in inbox.story


def test_a_child_is_told_where_grpc_does_not_get_ready_for_forks(server: EtcdServer) -> None:
    environment = {**os.environ, "GRPC_ENABLE_FORK_SUPPORT": "0"}

    done = subprocess.run(
        [sys.executable, "-c", CHILD, server.url], env=environment, capture_output=True, text=True, timeout=PATIENCE
    )

    assert done.returncode == 3, done.stderr
    assert done.stdout.startswith("Forked gRPC was in use")
