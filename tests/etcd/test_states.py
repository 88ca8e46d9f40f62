"""A server that forgets what was, and many who write the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from contract_tests.network.proxy import HOST, Proxy
from contract_tests.network.thread import Network
from contract_tests.network.trap import DropRequest
from dfbackends.api import Key, OpId, Table, Write
from dfbackends.errors import Divided, OutcomeUnknown, Unavailable, understand
from dfbackends_etcd.layout import outcome
from dfbackends_etcd.testing import EtcdServer
from tests.etcd.conftest import OpenDriver


def test_of_many_writes_only_those_under_way_are_in_doubt(server: EtcdServer, driver: OpenDriver, ops: Iterator[OpId]) -> None:
    table, op = Table("divided", "divided"), next(ops)
    writes = [Write(Key(table, f"k{number:03}"), b"1") for number in range(300)]

    with Network() as network:
        proxy = Proxy(network, (HOST, server.port))
        db = driver(f"etcd://{HOST}:{proxy.port}")
        proxy.set(DropRequest(outcome(op, 100)))
        with pytest.raises(Divided) as caught:
            db.write(writes, op)
        answers = caught.value.answers
        kinds = [understand(answer, db.errors).kind if isinstance(answer, Exception) else int for answer in answers]
        assert kinds == [int] * 100 + [OutcomeUnknown] * 100 + [Unavailable] * 100

        assert db.write(writes, op)[:100] == answers[:100]
        proxy.close()
    assert len(list(driver(server.url).scan(table))) == 300


@pytest.mark.parametrize("topic", [None, "blue"])
def test_a_listing_goes_on_when_its_revision_is_forgotten(
    server: EtcdServer, driver: OpenDriver, ops: Iterator[OpId], topic: str | None
) -> None:
    db, name = driver(server.url), f"compacted-{topic}"
    table = Table(name, name)
    writes = [Write(Key(table, f"k{number:04}"), b"0", "blue") for number in range(1500)]
    db.write(writes, next(ops))

    listing = db.scan(table, topic)
    seen = [next(listing)[0] for _ in range(64 + 512)]
    # The last one of the second page moves, one before it is deleted, and others are written anew.
    db.write([Write(Key(table, "k0575"), b"1", "red"), Write(Key(table, "k0000"), None)], next(ops))
    db.write([write._replace(value=b"1") for write in writes[576:900]], next(ops))
    server.compact()
    seen += [found for found, _ in listing]

    assert seen == [f"k{number:04}" for number in range(1500)]


def test_a_listing_is_of_one_moment(server: EtcdServer, driver: OpenDriver, ops: Iterator[OpId]) -> None:
    db, table = driver(server.url), Table("moment", "moment")
    writes = [Write(Key(table, f"k{number:04}"), b"0") for number in range(1500)]
    db.write(writes, next(ops))

    listing = db.scan(table)
    first = next(listing)
    db.write([write._replace(value=b"1") for write in writes], next(ops))

    assert {record.value for _, record in [first, *listing]} == {b"0"}


def test_large_entries_are_listed_in_pages_that_can_be_answered(
    server: EtcdServer, driver: OpenDriver, ops: Iterator[OpId]
) -> None:
    db, table = driver(server.url), Table("large", "large")
    for number in range(40):
        db.write([Write(Key(table, f"k{number:04}"), bytes(500_000), "blue")], next(ops))

    assert [(name, len(record.value)) for name, record in db.scan(table, "blue")] == [
        (f"k{number:04}", 500_000) for number in range(40)
    ]
    db.drop(table)
    assert list(db.scan(table)) == []


def test_many_who_move_the_same_entry_leave_it_in_one_topic(server: EtcdServer, driver: OpenDriver) -> None:
    table = Table("moving", "moving")
    key = Key(table, "k")
    drivers = [driver(server.url) for _ in range(4)]
    contended = []

    def move(lane: int) -> None:
        for number in range(40):
            op = OpId(f"moving-{lane}-{number}")
            try:
                assert None not in drivers[lane].write([Write(key, b"%d" % number, f"t{(lane + number) % 3}")], op)
            except Exception as error:
                contended.append(understand(error, drivers[lane].errors))

    threads = [threading.Thread(target=move, args=(lane,)) for lane in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {meaning.kind for meaning in contended} <= {Unavailable}
    [record] = drivers[0].read([key])
    assert record is not None
    listed = {topic: [name for name, _ in drivers[0].scan(table, topic)] for topic in ("t0", "t1", "t2")}
    assert listed == {topic: ["k"] if topic == record.topic else [] for topic in listed}
