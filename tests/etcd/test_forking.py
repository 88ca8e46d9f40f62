"""Forks of a process that uses etcd: the parent loses nothing, the child opens its own."""

from __future__ import annotations

import os
import threading
from collections import Counter

import dfbackends
from contract_tests.clients.processes import in_child
from dfbackends import Closed, Reason
from dfbackends_etcd.testing import EtcdServer
from tests.inbox import Inbox
from tests.servers import Open

FORKS = 10


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
