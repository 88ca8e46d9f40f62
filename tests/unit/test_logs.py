"""An outage of ten minutes fits on a screen of the log, whatever goes on meanwhile."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

import dfbackends
from contract_tests.fault import Fault
from contract_tests.faults.faulty import FaultyDb, faulty_db, faulty_pubsub
from contract_tests.faults.simulated import SECRET, Simulated
from contract_tests.plan import ANY, FOREVER, Plan
from contract_tests.waiting import eventually, never
from dfbackends.api import Change, DbApi, Feed, Position, PubSubApi, Stream
from dfbackends.backend import Backend
from dfbackends.drivers.memory import MemoryDb, MemoryPubSub, Store, shared
from dfbackends.pace import USUAL, Pace
from dfbackends.retry import Patience

EVERYTHING = (*ANY, "watch")
MOST = 20
HURRY = 400.0
"""How much faster things are tried again here."""

LASTS = 600.0


class Watched(MemoryDb):
    """A store whose lines of changes can be broken."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.feeds: list[Feed[Stream, Change]] = []

    def watch(self, after: Position | None = None) -> Feed[Stream, Change]:
        feed = super().watch(after)
        self.feeds.append(feed)
        return feed

    def break_line(self) -> None:
        for feed in self.feeds:
            feed.close()


@contextmanager
def logged() -> Iterator[list[str]]:
    """Collect what is logged at INFO and above."""
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    keep, log = Keep(), logging.getLogger("dfbackends")
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(keep)
    try:
        yield found
    finally:
        log.removeHandler(keep)
        log.setLevel(level)


@pytest.fixture
def lines() -> Iterator[list[str]]:
    with logged() as found:
        yield found


def hurried(pair: tuple[float, float]) -> tuple[float, float]:
    return pair[0] / HURRY, pair[1] / HURRY


PACE = Pace(outage=hurried(USUAL.outage), mirror=hurried(USUAL.mirror), outcome=hurried(USUAL.outcome))
ATTEMPTS = {verb: LASTS / (sum(USUAL.outage) / 2) for verb in ("listen", "watch")} | {"scan": LASTS / USUAL.mirror[1]}
"""How often each is tried within ten minutes."""


class Application:
    """Calls the backend all the time, and counts what became of the calls."""

    def __init__(self, backend: Backend, *, calls: float) -> None:
        self.raised: Counter[str] = Counter()
        self._backend = backend
        self._end = threading.Event()
        self._pause = LASTS / calls / HURRY
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        db, pubsub = self._backend.db, self._backend.pubsub
        calls: list[Callable[[], object]] = [
            lambda: db.put("t", "k", 1),
            lambda: db.get("t", "k"),
            lambda: list(db.keys("t")),
            lambda: pubsub.publish("t", 1),
            lambda: db.put("t", "k", 2, announce=("t", 1)),
        ]
        while not self._end.is_set():
            for call in calls:
                try:
                    call()
                except dfbackends.BackendError as error:
                    self.raised[type(error).__name__] += 1
                self._end.wait(self._pause)

    def __enter__(self) -> Application:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


def switch(plan: Plan, fault: Fault) -> None:
    """Let everything fail in another way, without a moment in which it does not."""
    with plan.changed:
        plan.mend()
        plan.arm(fault, verbs=EVERYTHING, times=FOREVER)


def tried(plan: Plan, verbs: Sequence[str]) -> None:
    """Wait until each of the verbs was called as often as in half of the ten minutes."""
    before = plan.calls.copy()
    eventually(lambda: all(plan.calls[verb] - before[verb] >= ATTEMPTS[verb] / 2 for verb in verbs), f"{verbs}", budget=40)


@pytest.mark.parametrize("resumes", [True, False], ids=["resumes", "forgets"])
@pytest.mark.parametrize("watches", [True, False], ids=["watches", "polls"])
def test_an_outage_of_ten_minutes(lines: list[str], watches: bool, resumes: bool) -> None:
    outage(lines, watches=watches, resumes=resumes)

    assert len(lines) <= MOST, lines


def outage(lines: list[str], *, watches: bool, resumes: bool) -> None:
    """Have one, which changes its reason in the middle; each change of state is in the lines once."""
    plan, store = Plan(str), shared(secrets.token_hex(8))
    inner = Watched(store)
    driver: DbApi = faulty_db(inner, Simulated(plan)) if watches else FaultyDb(inner, Simulated(plan))
    carrier: PubSubApi = faulty_pubsub(MemoryPubSub(store), Simulated(plan), forgets=not resumes)
    patience = Patience(retries=3, deadline=0.2, spacing=(0.0001, 0.0003, 0.0006))
    with Backend("b", driver, carrier, namespace="", patience=patience, threads=1, atomic=False, pace=PACE) as backend:
        for number in range(3):
            backend.db.put(f"t{number}", "k", 1)
        mirrors = [backend.mirror(f"t{number}", check_interval=0.05) for number in range(3)]
        for mirror in mirrors:
            mirror.wait_synced(10)
        subscriptions = [backend.pubsub.subscribe(f"t{number}", print, on_loss=dfbackends.renew) for number in range(10)]
        backend.db.put("t", "k", 1)
        assert lines == []
        verbs = ["listen", "watch"] if watches else ["listen", "scan"]

        with Application(backend, calls=3000) as application:
            switch(plan, Fault.CUT)
            plan.lose_line()
            inner.break_line()
            tried(plan, verbs)
            eventually(lambda: not any(mirror.synced for mirror in mirrors), "the mirrors are stale")
            switch(plan, Fault.OVERLOADED)
            tried(plan, verbs)
            plan.mend()
            for mirror in mirrors:
                mirror.wait_synced(20)
            eventually(lambda: backend.health().well, "all is well")
            eventually(lambda: all(each.live for each in subscriptions), "all are live")
            eventually(lambda: sum("works again" in line for line in lines) == 2, "the end is told")

    for what in ("the line of FaultyCarrier", "the line of FaultyDriver" if watches else "reading for mirrors"):
        told = [line.removeprefix(what).partition(" (")[0] for line in lines if line.startswith(what)]
        assert told == [" is down: unreachable", " is down: overloaded", " works again"], lines
    assert application.raised["Unavailable"] > 10
    assert application.raised["OutcomeUnknown"] > 0
    assert SECRET not in "".join(lines)


def test_a_mirror_uses_no_processor_time_while_its_line_is_down() -> None:
    plan, store = Plan(str), shared(secrets.token_hex(8))
    inner = Watched(store)
    with (
        dfbackends.assemble(faulty_db(inner, Simulated(plan)), MemoryPubSub(store)) as backend,
        backend.mirror("t", check_interval=0.05) as mirror,
    ):
        mirror.wait_synced(10)
        plan.arm(Fault.REFUSED, verbs=["watch"], times=FOREVER)
        inner.break_line()
        eventually(lambda: not mirror.synced, "it is stale")
        never(lambda: mirror.synced, "it is not mended", budget=0.2)

        before = time.process_time()
        never(lambda: mirror.synced, "it is not mended", budget=1.0)

        assert time.process_time() - before < 0.4
        plan.mend()
        mirror.wait_synced(10)


def test_a_handler_that_fails_at_each_message(lines: list[str]) -> None:
    store = shared(secrets.token_hex(8))
    with dfbackends.assemble(MemoryDb(store), MemoryPubSub(store)) as backend:

        def fails(topic: str, data: object) -> None:
            raise RuntimeError("private")

        backend.pubsub.subscribe("t", fails, on_loss=dfbackends.renew, max_messages=10_000)
        for start in range(0, 6000, 1000):
            backend.pubsub.publish_many(("t", start + number) for number in range(1000))
        eventually(lambda: backend.pubsub.health().errors == 6000, "all were handled")

    [line] = lines
    assert "fails of topic 't' failed: RuntimeError at" in line
    assert "private" not in line


def test_a_handler_of_a_mirror_that_fails_at_each_change(lines: list[str]) -> None:
    store = shared(secrets.token_hex(8))
    seen: list[object] = []
    with dfbackends.assemble(MemoryDb(store), MemoryPubSub(store)) as backend:

        def fails(changed: object) -> None:
            seen.append(changed)
            raise RuntimeError("private")

        with backend.mirror("t", on_change=fails):
            backend.db.put_many("t", {str(number): number for number in range(2000)})
            eventually(lambda: len(seen) >= 2000, "all were told")

    assert [line.partition(" at ")[0] for line in lines] == ["a handler of the mirror of t failed: RuntimeError"]
