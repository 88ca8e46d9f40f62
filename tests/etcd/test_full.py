"""A server that is full: what it refuses, what it does all the same, and what is told of both."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract_tests.network.proxy import HOST, Proxy
from contract_tests.network.thread import Network
from contract_tests.network.trap import DropRequest
from dfbackends import PartlyDone, Refused
from dfbackends.api import Key, Message, OpId, Table, Write
from dfbackends.config import from_url
from dfbackends.errors import OutcomeUnknown, understand
from dfbackends.loader import PUBSUB, load
from dfbackends.url import parse
from dfbackends_etcd.db import EtcdDb
from dfbackends_etcd.errors import CallFailed, is_full
from dfbackends_etcd.errors import PartlyDone as DriverPartlyDone
from dfbackends_etcd.layout import end, fence
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.testing import EtcdServer
from tests.embedded import received, subscribed
from tests.etcd.conftest import OpenDriver
from tests.etcd.peer import framed
from tests.servers import Open

QUOTA = 8 << 20


@pytest.fixture
def small(tmp_path: Path) -> Iterator[EtcdServer]:
    server = EtcdServer(tmp_path / "small", "--quota-backend-bytes", str(QUOTA))
    server.start()
    yield server
    server.kill()


def filled(db: EtcdDb, table: Table, ops: Iterator[OpId], size: int = 200_000) -> set[str]:
    """Write until the server takes no more; return the names that were acknowledged."""
    acknowledged: set[str] = set()
    refused: list[Exception] = []
    for number in range(1000):
        try:
            db.write([Write(Key(table, f"k{number}"), bytes(size))], next(ops))
        except CallFailed as error:
            refused.append(error)
            if len(refused) > 3:
                break
        else:
            acknowledged.add(f"k{number}")
    meanings = [understand(error, db.errors) for error in refused]
    assert {(meaning.kind, meaning.code) for meaning in meanings} == {(Refused, "full")}
    return acknowledged


def test_a_full_server_refuses_what_it_does_not_do_and_reads_on(
    small: EtcdServer, driver: OpenDriver, ops: Iterator[OpId]
) -> None:
    db, table = driver(small.url), Table("t", "t")

    acknowledged = filled(db, table, ops)

    assert {name for name, _ in db.scan(table)} == acknowledged


def test_the_write_that_uses_up_the_quota_is_answered_as_what_it_is(
    small: EtcdServer, driver: OpenDriver, ops: Iterator[OpId]
) -> None:
    """Of several under way, the last one that fits is done, and etcd answers as if it were not."""
    db, table = driver(small.url), Table("t", "t")
    told: dict[str, bool] = {}

    def write(lane: int) -> None:
        for number in range(200):
            name = f"{lane}-{number}"
            try:
                told[name] = db.write([Write(Key(table, name), bytes(100_000))], OpId(f"quota-{name}")) != [None]
            except Exception as error:
                told[name] = False
                if not is_full(error):
                    raise
                return

    threads = [threading.Thread(target=write, args=(lane,)) for lane in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {name for name, _ in db.scan(table)} == {name for name, done in told.items() if done}
    assert not all(told.values())


def test_a_write_that_a_full_server_may_have_done_is_in_doubt_when_that_can_not_be_asked(
    small: EtcdServer, driver: OpenDriver, ops: Iterator[OpId]
) -> None:
    table, op = Table("t", "t"), next(ops)
    question = rpc.RangeRequest(key=fence(op), range_end=end(fence(op)))

    with Network() as network:
        proxy = Proxy(network, (HOST, small.port))
        db = driver(f"etcd://{HOST}:{proxy.port}")
        db.write([Write(Key(table, "k"), b"1")], next(ops))
        filled(driver(small.url), table, ops)
        proxy.set(DropRequest(framed(question.SerializeToString())))
        with pytest.raises(DriverPartlyDone) as caught:
            db.write([Write(Key(table, "k"), bytes(200_000))], op)
        proxy.close()

    assert understand(caught.value, db.errors).kind is OutcomeUnknown


def test_the_message_that_uses_up_the_quota_is_answered_as_what_it_is(small: EtcdServer) -> None:
    """Of several under way, the last ones that fit arrive, and etcd answers as if they had not been taken."""
    settings = from_url(parse(small.url))
    assert settings.pubsub is not None
    carriers = [load(PUBSUB, "etcd").open(settings.pubsub.values, 10.0) for _ in range(8)]
    told: dict[bytes, bool] = {}

    def publish(lane: int) -> None:
        for number in range(200):
            data = b"%d-%d " % (lane, number) + bytes(100_000)
            try:
                carriers[lane].publish([Message("t", data)])
            except CallFailed as error:
                told[data] = False
                if not is_full(error):
                    raise
                return
            told[data] = True

    feed = subscribed(carriers[0].listen(), "t")
    threads = [threading.Thread(target=publish, args=(lane,)) for lane in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    sent = {data for data, done in told.items() if done}
    heard = {message.data for message in received(feed, len(sent))}
    heard |= {event.data for event in feed.receive(0.5) if isinstance(event, Message)}
    assert {data[:9] for data in heard} == {data[:9] for data in sent}
    assert len(told) == len(sent) + 8
    feed.close()
    for carrier in carriers:
        carrier.close()


def test_a_server_that_has_room_again_is_used_by_the_same_object(small: EtcdServer, opened: Open) -> None:
    backend = opened(small.url)

    def fill() -> None:
        for number in range(1000):
            backend.db.put("t", str(number % 3), "x" * 200_000)

    with pytest.raises(Refused) as caught:
        fill()
    assert caught.value.code == "full"
    assert len(list(backend.db.entries("t"))) == 3

    small.compact()
    small.ask("Maintenance", "Defragment", rpc.DefragmentRequest())
    for alarm in small.ask("Maintenance", "Alarm", rpc.AlarmRequest()).alarms:
        small.ask("Maintenance", "Alarm", rpc.AlarmRequest(action=2, memberID=alarm.memberID, alarm=alarm.alarm))

    backend.db.put("t", "again", 1)
    assert backend.db.get("t", "again") == 1


def test_of_many_writes_each_is_told_by_its_own_outcome_when_the_server_becomes_full(small: EtcdServer, opened: Open) -> None:
    backend = opened(small.url)

    with pytest.raises(PartlyDone) as caught:
        # So much that it takes longer than the tenth of a second after which a server counts what it has stored.
        backend.db.put_many("t", {f"k{number}": "x" * 150_000 for number in range(300)})

    stored = {entry.key: entry.revision for entry in backend.db.entries("t")}
    assert stored == caught.value.done
    assert len(stored) + len(caught.value.failed) == 300
    assert {type(error) for error in caught.value.failed.values()} == {Refused}


def test_what_was_done_is_told_by_a_full_server_and_what_was_not_stays_in_doubt(
    small: EtcdServer, driver: OpenDriver, ops: Iterator[OpId]
) -> None:
    db, table = driver(small.url), Table("t", "t")
    done, key = next(ops), Key(table, "done")
    revisions = db.write([Write(key, b"1")], done)
    db.cancel([key], next(ops))
    filled(db, table, ops)

    assert db.cancel([key], done) == revisions
    with pytest.raises(Exception, match="space exceeded"):
        db.cancel([key], next(ops))
