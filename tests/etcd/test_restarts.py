"""What is told over the death of servers: everything, once, in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

import dfbackends
from contract_tests.waiting import FACTOR, eventually
from dfbackends import BackendError, Changed, Reason
from dfbackends_etcd.testing import EtcdCluster, EtcdServer
from tests.cli.following import Lines
from tests.cli.running import start
from tests.etcd.conftest import Open
from tests.figures import Claim
from tests.inbox import Inbox

TIMES = 3
AT_MOST = 4.0
"""Seconds that a call may take while another member becomes the leader; twice that where others use the machine."""

pytestmark = pytest.mark.timeout(180)


class Writer:
    """Creates entries, and publishes their numbers, as fast as it can until the end of its ``with`` block."""

    def __init__(self, backend: dfbackends.Backend) -> None:
        self.written: list[tuple[str, int]] = []
        """Keys and revisions, as they were acknowledged."""
        self.sent: list[int] = []
        self.longest = 0.0
        self.errors: list[BackendError] = []
        self._backend = backend
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def goes_on(self, by: int = 50) -> None:
        """Return when it has written so many more."""
        before = len(self.written)
        eventually(lambda: len(self.written) > before + by or bool(self.errors), "writes", 30)

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            self._timed(lambda number=number: self._create(number))  # type: ignore[misc]
            self._timed(lambda number=number: self._publish(number))  # type: ignore[misc]

    def _create(self, number: int) -> None:
        self.written.append((f"k{number}", self._backend.db.create("t", f"k{number}", number)))

    def _publish(self, number: int) -> None:
        self._backend.pubsub.publish("numbers", number)
        self.sent.append(number)

    def _timed(self, call: Callable[[], None]) -> None:
        began = time.monotonic()
        try:
            call()
        except BackendError as error:
            self.errors.append(error)
        self.longest = max(self.longest, time.monotonic() - began)


class Told:
    """What a mirror tells, and a subscription."""

    def __init__(self, backend: dfbackends.Backend) -> None:
        self.changes: list[tuple[str, int]] = []
        self.inbox = Inbox(renews=False)
        backend.pubsub.subscribe("numbers", self.inbox.on_message, on_loss=self.inbox.on_loss, max_messages=1_000_000)
        self._mirror = backend.mirror("t", on_change=self._changed)
        self._mirror.wait_synced(10)

    def _changed(self, change: Changed) -> None:
        assert change.new is not None
        self.changes.append((change.key, change.new.revision))

    @property
    def numbers(self) -> list[int]:
        return [item for item in self.inbox.story if not isinstance(item, Reason)]

    @property
    def reasons(self) -> list[Reason]:
        return [item for item in self.inbox.story if isinstance(item, Reason)]

    def equals(self, writer: Writer) -> None:
        """Everything that was acknowledged comes once, in order, and nothing else."""
        last = writer.written[-1]
        eventually(lambda: last in self.changes, "the last change", 20)
        self.inbox.until(writer.sent[-1])
        assert self.changes == writer.written
        assert self.numbers == writer.sent


@contextmanager
def over(url: str, opened: Open) -> Iterator[tuple[Writer, Told]]:
    """Write and follow; at the end all that was written has been told."""
    told = Told(opened(f"{url}deadline=20"))
    with Writer(opened(f"{url}deadline=20&retries=10")) as writer:
        writer.goes_on()
        yield writer, told
        writer.goes_on()
    assert writer.errors == []
    told.equals(writer)


def test_a_writer_at_full_speed_over_three_kills_of_the_server(fresh: EtcdServer, opened: Open) -> None:
    fresh.start()
    with over(fresh.url, opened) as (writer, told):
        for _ in range(TIMES):
            fresh.kill()
            fresh.start()
            writer.goes_on()

    # One that follows soon may come before the line is there again.
    assert told.reasons in ([Reason.DOWN, Reason.RESUMED] * outages for outages in range(1, TIMES + 1))


def kill(cluster: EtcdCluster, writer: Writer) -> None:
    """Kill the leader, and start it again when the others have gone on without it."""
    leader = cluster.leader
    leader.kill()
    writer.goes_on()
    leader.start()
    cluster.join()


def freeze(cluster: EtcdCluster, writer: Writer) -> None:
    """Freeze the leader until the others have gone on without it."""
    with cluster.leader.freezing():
        writer.goes_on()
    cluster.join()


HARMS = pytest.mark.parametrize("harm", [kill, freeze], ids=["killed", "frozen"])


def longest(cluster: EtcdCluster, opened: Open, harm: Callable[[EtcdCluster, Writer], None]) -> float:
    """Harm the leader, three times; return how long a call took at most. Everything was told, and nothing failed."""
    with over(cluster.url, opened) as (writer, _):
        for _ in range(TIMES):
            harm(cluster, writer)
    return writer.longest


@HARMS
def test_a_leader_that_is_lost_costs_nothing_that_was_acknowledged_or_told(
    cluster: EtcdCluster, opened: Open, harm: Callable[[EtcdCluster, Writer], None]
) -> None:
    assert longest(cluster, opened, harm) < 2 * AT_MOST * FACTOR


@pytest.mark.claims
@HARMS
def test_a_leader_that_is_lost_costs_a_call_as_much_as_stated(
    tmp_path: Path, opened: Open, harm: Callable[[EtcdCluster, Writer], None], claim: Claim
) -> None:
    folders = (tmp_path / str(number) for number in count())

    def measure() -> float:
        cluster = EtcdCluster(next(folders))
        try:
            cluster.start()
            return longest(cluster, opened, harm)
        finally:
            cluster.kill()

    claim(f"the leader of three is lost ({harm.__name__}), the longest call", measure, at_most=AT_MOST, unit="s")


def test_a_leader_that_hands_over_breaks_no_line(cluster: EtcdCluster, opened: Open) -> None:
    with over(cluster.url, opened) as (writer, told):
        cluster.failover()
        writer.goes_on()

    # What was under way may be lost, and is waited for in vain.
    assert writer.longest < 2 * AT_MOST * FACTOR
    assert told.reasons == []


def test_the_command_watch_tells_everything_once_over_a_restart(fresh: EtcdServer, opened: Open) -> None:
    fresh.start()
    url = f"{fresh.url}deadline=20&retries=10"
    found: list[tuple[str, str, int]] = []
    with start("watch", "--url", url, "--json", "t") as process:
        told = Lines(process.stdout)
        assert told.document() == {"state": "synced"}
        with Writer(opened(url)) as writer:
            writer.goes_on()
            fresh.kill()
            fresh.start()
            writer.goes_on()
        while len(found) < len(writer.written):
            line = told.document()
            if "change" in line:
                found.append((line["change"], line["key"], line["revision"]))
        process.kill()

    assert writer.errors == []
    assert found == [("added", key, revision) for key, revision in writer.written]
