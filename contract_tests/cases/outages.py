"""The process of the server is killed, or stands still."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases
from contract_tests.cases.keys import contents
from contract_tests.cases.lines import DOWN, RECOVERED, RESUMED, subscription, up_again
from contract_tests.checks.copies import Told, wait_equal
from contract_tests.clients.inbox import Inbox
from contract_tests.fault import Fault
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.notes import Recoveries
from contract_tests.waiting import Stopwatch, eventually
from dfbackends import Backend, BackendError, Unavailable

DEADLINE = 1.0
ROUNDS = 3


class Load:
    """A thread for each handle, which calls one thing after the other, and what became of the calls."""

    def __init__(self, handles: list[Backend]) -> None:
        self.longest = 0.0
        self.done: dict[str, int] = {}
        """The numbers that were written, by key."""
        self.failed: dict[str, BackendError] = {}
        self._stop = threading.Event()
        # Guards the three above.
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=pair) for pair in enumerate(handles)]

    @contextmanager
    def running(self) -> Iterator[Load]:
        """Run until the end of the block."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def _run(self, lane: int, backend: Backend) -> None:
        number = 0
        while not self._stop.wait(0.002):
            number += 1
            key = f"{lane}-{number}"
            self._timed(key, lambda key=key, number=number: backend.db.create("t", key, number))  # type: ignore[misc]
            self._timed("", lambda: backend.db.get_many("t", ["0-1"]))
            self._timed("", lambda number=number: backend.pubsub.publish("load", number))  # type: ignore[misc]

    def _timed(self, key: str, call: Callable[[], Any]) -> None:
        watch, error = Stopwatch(), None
        try:
            call()
        except BackendError as failure:
            error = failure
        with self._lock:
            self.longest = max(self.longest, watch.seconds)
            if key and error is None:
                self.done[key] = int(key.partition("-")[2])
            elif error is not None:
                self.failed[key] = error


def check_truth(store: Store, load: Load, *, kept: bool = True) -> None:
    """Compare what was said of each write with what is there; unless it was ``kept``, only what was said not to be done."""
    found = contents(store.db, "t")
    assert not kept or load.done.items() <= found.items()
    for key, error in load.failed.items():
        if isinstance(error, Unavailable):
            assert key not in found


class OutageCases(Cases):
    """Outages of the whole server, and the recovery from them without a new object."""

    @clause("ERR-03", injects=[Fault.STOPPED], timeout=120)
    def test_a_server_that_stands_still_under_load(self, store: Store) -> None:
        """A server stands still under load: each call has an outcome within its deadline, and what is said of it is true."""
        store.db.create_table("t")
        load = Load([store.open(retries=1, deadline=DEADLINE) for _ in range(3)])
        with load.running():
            for _ in range(2):
                before, failed = len(load.done), len(load.failed)
                eventually(lambda before=before: len(load.done) > before + 20, "writes are done")  # type: ignore[misc]
                store.process.freeze()
                eventually(lambda failed=failed: len(load.failed) > failed + 3, "calls fail")  # type: ignore[misc]
                store.process.thaw()
            before = len(load.done)
            eventually(lambda: len(load.done) > before + 20, "writes are done again, by the same handles")

        assert load.longest < DEADLINE + 0.2
        assert load.failed
        check_truth(store, load)

    @clause("ERR-04", injects=[Fault.KILLED], needs=[Capability.DURABLE], timeout=120)
    def test_a_server_that_is_killed_under_load(self, store: Store) -> None:
        """A server is killed under load: what was acknowledged is there when it runs again, and what failed is not."""
        store.db.create_table("t")
        load = Load([store.open(retries=1, deadline=DEADLINE) for _ in range(3)])
        with load.running():
            for _ in range(ROUNDS):
                before, failed = len(load.done), len(load.failed)
                eventually(lambda before=before: len(load.done) > before + 20, "writes are done")  # type: ignore[misc]
                store.process.kill()
                eventually(lambda failed=failed: len(load.failed) > failed, "calls fail")  # type: ignore[misc]
                store.process.restart()
            before = len(load.done)
            eventually(lambda: len(load.done) > before + 20, "writes are done again, by the same handles")

        assert load.failed
        check_truth(store, load)

    @clause("LOSS-06", injects=[Fault.STOPPED])
    def test_subscribers_of_a_server_that_stands_still(self, store: Store, recoveries: Recoveries) -> None:
        """A server stands still: subscribers know within 3.5 s, and hear it again without a new object."""
        inbox = Inbox().subscribe(store.pubsub, "t")
        store.pubsub.publish("t", 1)
        inbox.wait_data([1])
        watch = Stopwatch()

        store.process.freeze()

        inbox.wait(lambda: bool(inbox.losses), "DOWN")
        assert watch.seconds < 3.5
        recoveries.detected(Fault.STOPPED, watch.seconds)
        assert inbox.reasons == [DOWN]
        watch = Stopwatch()
        store.process.thaw()
        self.hears_again(store, inbox)
        recoveries.recovered(Fault.STOPPED, watch.seconds)

    @clause("LOSS-01", injects=[Fault.KILLED])
    def test_subscribers_of_a_server_that_is_killed(self, store: Store, recoveries: Recoveries) -> None:
        """A server is killed: subscribers are told DOWN at once, and hear it again, each time, when it runs again."""
        inbox = Inbox().subscribe(store.pubsub, "t")
        for number in range(ROUNDS):
            watch = Stopwatch()
            store.process.kill()
            inbox.wait(lambda number=number: inbox.reasons.count(DOWN) == number + 1, "DOWN")  # type: ignore[misc]
            assert watch.seconds < 1
            recoveries.detected(Fault.KILLED, watch.seconds)
            assert not store.pubsub.health().connected
            store.process.restart()
            watch = Stopwatch()
            self.hears_again(store, inbox, number + 1)
            recoveries.recovered(Fault.KILLED, watch.seconds)
        assert set(inbox.reasons) <= {DOWN, RESUMED, RECOVERED}

    def hears_again(self, store: Store, inbox: Inbox, outages: int = 1) -> None:
        """Wait for the end of an outage, and for a message."""
        if up_again(inbox, outages) is RECOVERED:
            subscription(inbox).renew()
        store.pubsub.publish("t", ["after", outages])
        inbox.wait(lambda: ["after", outages] in inbox.data, "the next message")

    @clause("MIR-02", injects=[Fault.KILLED], needs=[Capability.WATCHING, Capability.DURABLE])
    def test_a_mirror_of_a_server_that_is_killed(self, store: Store) -> None:
        """A server is killed: a copy is marked stale, stays readable, and equals the store again without help."""
        self.mirrored(store, store.process.kill, store.process.restart)

    @clause("MIR-02", injects=[Fault.STOPPED], needs=[Capability.WATCHING])
    def test_a_mirror_of_a_server_that_stands_still(self, store: Store) -> None:
        """A server stands still: a copy is marked stale, stays readable, and equals the store again without help."""
        self.mirrored(store, store.process.freeze, store.process.thaw)

    def mirrored(self, store: Store, begin: Callable[[], None], end: Callable[[], None]) -> None:
        """Look at a mirror through an outage."""
        store.db.put_many("t", {f"k{number}": number for number in range(10)})
        told = Told()
        with store.backend.mirror("t", on_state=told.on_state, on_change=told.on_change, check_interval=0.5) as mirror:
            mirror.wait_synced(10)
            told.wait_synced()
            begin()
            told.wait_stale()
            assert mirror.get("k1") == 1
            assert not mirror.synced
            end()
            told.wait_synced()
            store.db.put("t", "k1", "after")
            wait_equal(mirror, store.db)
        assert told.wrong == []
