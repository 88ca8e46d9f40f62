"""How a backend ends, and what it leaves behind."""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from contract_tests.cases.base import Cases
from contract_tests.clients.inbox import Inbox
from contract_tests.counts import Counts
from contract_tests.fault import Fault
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.plan import ANY
from contract_tests.waiting import FACTOR, SOON, Stopwatch, eventually
from dfbackends import Backend, Closed, renew

_LOOKS = 5

AWAY = [Fault.DOWN, Fault.REFUSED, Fault.FROZEN, Fault.DEAF, Fault.KILLED, Fault.STOPPED]


def threads() -> set[threading.Thread]:
    """Return the threads of this process."""
    return set(threading.enumerate())


def files() -> list[str]:
    """Return what this process has open."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            found.append(os.readlink(link))
        except FileNotFoundError:
            continue  # The folder itself, while it is read.
    return sorted(found)


def files_at_rest() -> list[str]:
    """Return what this process has open, once that stays so: a client may close in threads of its own, outside of Python."""
    looks = [files()]

    def rests() -> bool:
        looks.append(files())
        return len(looks) > _LOOKS and all(look == looks[-1] for look in looks[-_LOOKS:])

    eventually(rests, "files rest")
    return looks[-1]


def used(backend: Backend, topic: str = "t") -> Backend:
    """Use all of a backend, so that everything that it starts is started."""
    inbox = Inbox().subscribe(backend.pubsub, topic)
    backend.db.put("t", "k", 1)
    backend.pubsub.publish(topic, 1)
    inbox.wait(lambda: inbox.data != [], "a message")
    return backend


def calls(backend: Backend) -> list[Callable[[], Any]]:
    """Return a call of everything that a closed backend refuses."""
    db, pubsub = backend.db, backend.pubsub
    return [
        lambda: db.get("t", "k"),
        lambda: db.entry("t", "k"),
        lambda: db.get_many("t", ["k"]),
        lambda: db.create("t", "new", 1),
        lambda: db.put("t", "k", 1),
        lambda: db.put("t", "k", 1, announce=("t", 1)),
        lambda: db.update("t", "k", 1),
        lambda: db.delete("t", "k"),
        lambda: list(db.entries("t")),
        lambda: list(db.keys("t")),
        lambda: db.tables(),
        lambda: db.drop("t"),
        lambda: db.allocate("t"),
        lambda: db.create_table("new"),
        lambda: db.definition("t"),
        lambda: pubsub.publish("t", 1),
        lambda: pubsub.publish_many([("t", 1)]),
        lambda: pubsub.subscribe("t", lambda *_: None, on_loss=renew),
        lambda: backend.health(),
    ]


class LifeCases(Cases):
    """Opening and closing."""

    @clause("LIFE-01")
    def test_close_is_idempotent(self, store: Store) -> None:
        """close is idempotent, and safe from 10 threads."""
        backend = used(store.open())
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(lambda _: backend.close(), range(10)))
        backend.close()

        with pytest.raises(Closed):
            backend.db.get("t", "k")

    @clause("LIFE-01")
    def test_close_leaves_nothing(self, store: Store) -> None:
        """close leaves no thread, socket or file."""
        used(store.open()).close()  # What is made once in a process is not counted.
        gc.collect()
        before_threads, before_files = threads(), files_at_rest()

        backend = used(store.open())
        assert threads() - before_threads
        backend.close()

        assert threads() - before_threads == set()
        eventually(lambda: files() == before_files, "all sockets and files are closed", 1)

    @clause("LIFE-01")
    def test_close_from_a_handler(self, store: Store) -> None:
        """close from a handler ends everything, too."""
        before = threads()
        backend, closed = store.open(), threading.Event()

        def handle(topic: str, data: Any) -> None:
            backend.close()
            closed.set()

        backend.pubsub.subscribe("t", handle, on_loss=renew)
        backend.pubsub.publish("t", 1)
        assert closed.wait(SOON * FACTOR)

        eventually(lambda: threads() - before == set(), "all threads end")
        with pytest.raises(Closed):
            backend.db.get("t", "k")

    @clause("LIFE-01")
    def test_a_handler_that_does_not_end(self, store: Store, caplog: pytest.LogCaptureFixture) -> None:
        """close ends within 5 s beside a handler that does not end, which is named."""
        backend, go, stuck = store.open(), threading.Event(), threading.Event()

        def endless(topic: str, data: Any) -> None:
            stuck.set()
            go.wait()

        backend.pubsub.subscribe("t", endless, on_loss=renew)
        backend.pubsub.publish("t", 1)
        assert stuck.wait(SOON * FACTOR)
        watch = Stopwatch()
        try:
            with caplog.at_level(logging.WARNING):
                backend.close()
            assert watch.seconds < 5.2
            assert "endless" in caplog.text
            assert any("endless" in name for name in backend.pubsub.health().stuck)
        finally:
            go.set()

    @clause("LIFE-01", injects=AWAY)
    @pytest.mark.parametrize("fault", AWAY, ids=lambda fault: fault.name.lower())
    def test_close_while_the_backend_is_away(self, store: Store, fault: Fault) -> None:
        """close ends within 5 s with the backend down or frozen, also while calls wait, which get Closed or their error."""
        store.db.put("t", "k", 1)
        before = threads()
        backend = used(store.open())
        self.take_away(store, backend, fault)
        waiting = ThreadPoolExecutor(2)
        pending: list[Future[Any]] = [
            waiting.submit(backend.db.put, "t", "k", 2),
            waiting.submit(backend.pubsub.publish, "t", 2),
        ]
        watch = Stopwatch()

        backend.close()

        assert watch.seconds < 5
        for call in pending:
            assert isinstance(call.exception(timeout=5), Exception | None)
        waiting.shutdown()
        assert threads() - before == set()

    def take_away(self, store: Store, backend: Backend, fault: Fault) -> None:
        """Let the backend be away."""
        if fault is Fault.DOWN:
            store.plan.lose_line(fault)
            eventually(lambda: not backend.pubsub.health().connected, "it is noticed")
        elif fault is Fault.DEAF:
            store.plan.impair(fault)
        elif fault is Fault.KILLED:
            store.process.kill()
        elif fault is Fault.STOPPED:
            store.process.freeze()
        else:
            store.plan.arm(fault, verbs=ANY, times=1 << 30)

    @clause("LIFE-02")
    def test_after_close_everything_raises_closed(self, store: Store) -> None:
        """After close everything raises Closed; what was returned before can be ended without harm."""
        backend = used(store.open())
        inbox = Inbox().subscribe(backend.pubsub, "t")
        batch, listing = backend.db.batch(), backend.db.entries("t")
        transaction = backend.db.transaction() if backend.db.transactional else None
        backend.close()

        for call in calls(backend):
            with pytest.raises(Closed):
                call()
        with pytest.raises(Closed):
            next(iter(listing))
        with pytest.raises(Closed), batch:
            batch.put("t", "k", 2)
        if transaction is not None:
            with pytest.raises(Closed), transaction:
                transaction.put("t", "k", 2)
        assert inbox.subscription is not None
        assert not inbox.subscription.live
        with pytest.raises(Closed):
            inbox.subscription.renew()
        inbox.subscription.unsubscribe()
        assert store.db.get("t", "k") == 1

    @clause("LIFE-02")
    def test_a_with_block_closes(self, store: Store) -> None:
        """A with-block closes, on an exception too, which it lets pass."""
        with pytest.raises(ZeroDivisionError), store.open() as backend:
            backend.db.put("t", "k", 1)
            raise ZeroDivisionError

        with pytest.raises(Closed):
            backend.db.get("t", "k")

    @clause("LIFE-02")
    def test_handles_are_independent(self, store: Store) -> None:
        """Closing one handle disturbs no other."""
        inbox = Inbox().subscribe(store.pubsub, "t")
        other = used(store.open(), "other")
        other.close()

        store.db.put("t", "k", 2)
        store.pubsub.publish("t", 2)
        inbox.wait_data([2])
        assert store.db.get("t", "k") == 2

    @clause("LIFE-03", timeout=120)
    def test_openings_and_closings_leak_nothing(self, store: Store, counts: Counts) -> None:
        """Many openings and closings leak no thread and no file."""
        for _ in range(2):
            used(store.open()).close()
        gc.collect()
        before_threads, before_files = threads(), files_at_rest()

        for _ in range(counts.openings):
            used(self.harness.open(store.namespace)).close()

        gc.collect()
        assert threads() - before_threads == set()
        eventually(lambda: files() == before_files, "all sockets and files are closed", 1)
