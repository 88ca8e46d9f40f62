"""A member that the others do not hear, and whom clients reach: no write is lost, nothing old is read, nothing is missed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path

import pytest

import dfbackends
from contract_tests.network.thread import Network
from contract_tests.waiting import FACTOR, eventually, never
from dfbackends import BackendError, KeyNotFound, OutcomeUnknown, Reason, Unavailable
from dfbackends_etcd.testing import EtcdServer
from dfbackends_etcd.testing.process import hosts
from tests.etcd.load import Told, Writer, over
from tests.etcd.metrics import serves
from tests.etcd.partition import PartedCluster
from tests.figures import Claim
from tests.inbox import Inbox
from tests.servers import Open

TIMES = 3
AT_MOST = 4.0
"""Seconds that a call may take over it, where it is measured alone; twice that until it is told."""

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as network:
        yield network


@pytest.fixture
def parted(tmp_path: Path, network: Network) -> Iterator[PartedCluster]:
    """Three members, of the test's own."""
    cluster = PartedCluster(tmp_path / "cluster", network)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


def others(cluster: PartedCluster, node: EtcdServer) -> str:
    """Return the URL of a backend on all members but one."""
    return f"etcd://{hosts([other.port for other in cluster.nodes if other is not node])}?"


def leader(cluster: PartedCluster, _: int) -> EtcdServer:
    return cluster.leader


def follower(cluster: PartedCluster, number: int) -> EtcdServer:
    return [node for node in cluster.nodes if node is not cluster.leader][number % 2]


Which = Callable[[PartedCluster, int], EtcdServer]
VICTIMS = pytest.mark.parametrize("victim", [leader, follower])


def longest(cluster: PartedCluster, opened: Open, victim: Which) -> float:
    """Cut members off, three times; return how long a call took at most. Everything was told, and nothing failed."""
    with over(cluster.url, opened) as (writer, _):
        for number in range(TIMES):
            with cluster.cut_off(victim(cluster, number)):
                writer.goes_on()
            cluster.join()
    return writer.longest


@VICTIMS
def test_a_member_that_is_cut_off_costs_nothing_that_was_acknowledged_or_told(
    parted: PartedCluster, opened: Open, victim: Which
) -> None:
    # How long is measured alone: who comes back makes the others vote anew, and on a busy machine again.
    longest(parted, opened, victim)


@pytest.mark.claims
@VICTIMS
def test_a_member_that_is_cut_off_costs_a_call_as_much_as_stated(
    tmp_path: Path, network: Network, opened: Open, victim: Which, claim: Claim
) -> None:
    folders = (tmp_path / str(number) for number in count())

    def measure() -> float:
        cluster = PartedCluster(next(folders), network)
        try:
            cluster.start()
            return longest(cluster, opened, victim)
        finally:
            cluster.close()

    claim(f"one of three is cut off ({victim.__name__}), the longest call", measure, at_most=AT_MOST, unit="s")


class Reader:
    """Asks for what was acknowledged before, all the time until the end of its ``with`` block, and notes what was not found."""

    def __init__(self, look: Look, backend: dfbackends.Backend, writer: Writer) -> None:
        self.answered = 0
        self.refused = 0
        self.wrong: list[object] = []
        self._look = look
        self._db = backend.db
        self._writer = writer
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            written = self._writer.written[:]
            try:
                if not self._look(self._db, written):
                    self.wrong.append(written[-1])
                self.answered += 1
            except Unavailable:
                self.refused += 1
            except Exception as error:
                self.wrong.append(error)


Look = Callable[[dfbackends.Database, list[tuple[str, int]]], bool]


def one(db: dfbackends.Database, written: list[tuple[str, int]]) -> bool:
    key, revision = written[-1]
    try:
        return db.entry("t", key).revision == revision
    except KeyNotFound:
        return False


def several(db: dfbackends.Database, written: list[tuple[str, int]]) -> bool:
    return None not in db.get_many("t", [key for key, _ in written[-3:]])


def everything(db: dfbackends.Database, written: list[tuple[str, int]]) -> bool:
    return {key for key, _ in written} <= set(db.keys("t"))


@pytest.mark.parametrize("look", [one, several, everything])
@VICTIMS
def test_who_reaches_only_a_member_that_is_cut_off_reads_nothing_old(
    parted: PartedCluster, opened: Open, victim: Which, look: Look
) -> None:
    node = victim(parted, 0)
    reader = opened(f"{node.url}deadline=2&retries=0")

    with Writer(opened(f"{others(parted, node)}deadline=40&retries=20")) as writer:
        writer.goes_on()
        with Reader(look, reader, writer) as reads:
            eventually(lambda: reads.answered > 5, "it reads")
            with parted.cut_off(node):
                writer.goes_on()
                # Longer than a leader that hears nobody believes to be the leader.
                eventually(lambda: reads.refused > 3, "it reads nothing", 20)
                writer.goes_on()
            before = reads.answered
            eventually(lambda: reads.answered > before + 5, "it reads again", 20)

    assert writer.errors == []
    assert reads.wrong == []


@VICTIMS
def test_who_reaches_only_a_member_that_is_cut_off_is_told_so_in_time_and_nothing_comes_of_it(
    parted: PartedCluster, opened: Open, victim: Which
) -> None:
    node = victim(parted, 0)
    lonely, backend = opened(f"{node.url}deadline=3&retries=0"), opened(others(parted, node))
    lonely.db.create("t", "before", 1)
    failures: dict[str, BackendError] = {}
    longest = 0.0

    with parted.cut_off(node):
        for number in range(4):
            began = time.monotonic()
            with pytest.raises((Unavailable, OutcomeUnknown)) as caught:
                lonely.db.create("t", f"k{number}", 1)
            longest = max(longest, time.monotonic() - began)
            failures[f"k{number}"] = caught.value
        backend.db.put("t", "after", 1)
    parted.join()

    assert longest < 5 * FACTOR
    eventually(lambda: reads(lonely, "after"), "it is one of them again")
    done = {key for key, error in failures.items() if isinstance(error, OutcomeUnknown) and lonely.db.resolve(error)}
    never(lambda: set(backend.db.keys("t")) != {"before", "after", *done}, "another outcome than what was said", 1)


def reads(backend: dfbackends.Backend, key: str) -> bool:
    try:
        return bool(backend.db.get("t", key))
    except BackendError:
        return False


class Numbers:
    """Publishes numbers."""

    def __init__(self, backend: dfbackends.Backend) -> None:
        self._backend = backend
        self._numbers = count(1)
        self.sent: list[int] = []

    def send(self, more: int = 10) -> int:
        """Send some more, and return the last one."""
        for number in islice(self._numbers, more):
            self._backend.pubsub.publish("numbers", number)
            self.sent.append(number)
        return self.sent[-1]


def resumes(reasons: list[Reason]) -> bool:
    """Tell whether a line went on from each outage, but for the last, maybe: who comes back can make the others vote anew."""
    return reasons == ([Reason.DOWN, Reason.RESUMED] * len(reasons))[: len(reasons)] and len(reasons) > 1


def subscribed(backend: dfbackends.Backend) -> Inbox:
    inbox = Inbox(renews=False)
    backend.pubsub.subscribe("numbers", inbox.on_message, on_loss=inbox.on_loss)
    return inbox


@pytest.mark.parametrize("leads", [True, False], ids=["leader", "follower"])
def test_a_line_to_a_member_that_is_cut_off_goes_on_at_another_one(parted: PartedCluster, opened: Open, leads: bool) -> None:
    inbox = subscribed(opened(parted.url))
    [serving] = [node for node in parted.nodes if serves(node)]
    parted.follow(serving if leads else next(node for node in parted.nodes if node is not serving))
    numbers = Numbers(opened(f"{others(parted, serving)}deadline=40&retries=20"))
    inbox.until(numbers.send())

    with parted.cut_off(serving):
        began = time.monotonic()
        eventually(lambda: inbox.losses != [], "it is told", 20)
        told = time.monotonic() - began
        inbox.until(numbers.send(), 20)

    assert told < 2 * AT_MOST * FACTOR
    assert [item for item in inbox.story if not isinstance(item, Reason)] == numbers.sent
    assert resumes([loss.reason for loss in inbox.losses])


def test_who_hears_only_a_member_that_is_cut_off_knows_it_and_misses_nothing(parted: PartedCluster, opened: Open) -> None:
    node = parted.leader
    lonely = opened(node.url)
    told = Told(lonely)
    with Writer(opened(f"{others(parted, node)}deadline=40&retries=20")) as writer:
        writer.goes_on()
        with parted.cut_off(node):
            eventually(lambda: told.reasons == [Reason.DOWN] and not told.synced, "it is told", 20)
            before = len(told.numbers)
            writer.goes_on()
            assert (len(told.numbers), told.synced) == (before, False)
        eventually(lambda: told.synced, "it follows again", 20)
        writer.goes_on()

    assert writer.errors == []
    told.equals(writer)
    assert resumes(told.reasons)
