"""What the lines of the driver promise of messages and changes."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from contract_tests.servers.node import HOST
from contract_tests.waiting import eventually, never
from dfbackends.api import Alive, Change, Confirmed, Denied, Feed, Gone, Key, Message, Position, Stream, Table
from dfbackends.config import from_url
from dfbackends.loader import PUBSUB, load
from dfbackends.url import parse
from dfbackends_etcd.db import EtcdDb
from dfbackends_etcd.errors import HandleClosed, LineLost, NotConnected
from dfbackends_etcd.layout import message_key, table_prefix
from dfbackends_etcd.place import place
from dfbackends_etcd.pubsub import EtcdPubSub
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.testing import EtcdCluster, EtcdServer
from dfbackends_etcd.testing.program import PROGRAM
from dfbackends_etcd.testing.states import PASSWORD, ROOT, full, guarded
from tests.embedded import delete, put, received, subscribed
from tests.etcd.conftest import OpenDriver
from tests.etcd.servers import serves

SILENT = 3.0
"""Seconds within which the core gives up a line: it probes one that was silent for a second, and waits for two more."""

OpenCarrier = Callable[[str], EtcdPubSub]
Listen = Callable[..., Feed[Any, Any]]


@pytest.fixture
def carrier() -> Iterator[OpenCarrier]:
    """Open carriers of messages, which are closed at the end."""
    carriers: list[EtcdPubSub] = []

    def open(url: str) -> EtcdPubSub:  # noqa: A001 - that is what it does.
        settings = from_url(parse(url))
        assert settings.pubsub is not None
        found = load(PUBSUB, "etcd").open(settings.pubsub.values, settings.patience.deadline)
        assert isinstance(found, EtcdPubSub)
        carriers.append(found)
        return found

    yield open
    for one in carriers:
        one.close()


@pytest.fixture
def line() -> Iterator[Listen]:
    """Open feeds, which are closed at the end, and subscribe topics on them."""
    feeds: list[Feed[Any, Any]] = []

    def open(begin: Callable[[Position | None], Feed[Any, Any]], *topics: Any, after: Position | None = None) -> Feed[Any, Any]:  # noqa: A001
        feeds.append(begin(after))
        return subscribed(feeds[-1], *topics)

    yield open
    for feed in feeds:
        feed.close()


@pytest.fixture
def pubsub(server: EtcdServer, carrier: OpenCarrier) -> EtcdPubSub:
    return carrier(server.url)


@pytest.fixture
def db(server: EtcdServer, driver: OpenDriver) -> EtcdDb:
    return driver(server.url)


@pytest.fixture
def table(request: pytest.FixtureRequest) -> Table:
    return Table(request.node.name, request.node.name)


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    name: str = request.node.name
    return name


def data(events: list[Any]) -> list[bytes]:
    return [event.data for event in events]


def told_of(change: Change) -> tuple[str, bytes | None, str | None]:
    record = change.record
    return (change.name, record.value, record.topic) if record is not None else (change.name, None, None)


def chained(events: list[Any], head: str) -> bool:
    """Return whether each event begins where the one before ended."""
    for event in events:
        if event.prev != head:
            return False
        head = event.head
    return True


def proven(feed: Feed[Any, Any], seconds: float) -> bool:
    """Return whether a probe is answered in time."""
    feed.probe()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if Alive() in feed.receive(0.05):
            return True
    return False


@contextmanager
def frozen(*nodes: EtcdServer) -> Iterator[None]:
    """Freeze members; all their threads stand still when this begins."""
    with ExitStack() as frozen:
        for node in nodes:
            assert node.pid is not None
            frozen.enter_context(node.freezing())
            os.waitid(os.P_PID, node.pid, os.WSTOPPED | os.WNOWAIT)
        yield


def position_of(feed: Feed[Any, Any]) -> Position:
    position = feed.position
    assert position is not None
    return position


def test_each_message_comes_though_the_next_one_takes_its_place(pubsub: EtcdPubSub, topic: str, line: Listen) -> None:
    feed = line(pubsub.listen)
    feed.subscribe([topic])
    [confirmed] = received(feed, 1)

    pubsub.publish([Message(topic, b"%d" % number) for number in range(5)])
    for number in range(5, 300):
        pubsub.publish([Message(topic, b"%d" % number)])

    messages = received(feed, 300)
    assert data(messages) == [b"%d" % number for number in range(300)]
    assert chained(messages, confirmed.head)


def test_messages_go_with_their_lease(server: EtcdServer, carrier: OpenCarrier, topic: str) -> None:
    carrier(f"{server.url}deadline=1").publish([Message(topic, b"1")])

    [kv] = server.ask("KV", "Range", rpc.RangeRequest(key=message_key(topic))).kvs
    left = server.ask("Lease", "LeaseTimeToLive", rpc.LeaseTimeToLiveRequest(ID=kv.lease)).TTL
    assert 5 < left <= 20


def test_a_topic_whose_messages_have_gone_goes_on_without_a_gap(
    server: EtcdServer, pubsub: EtcdPubSub, topic: str, line: Listen
) -> None:
    feed = line(pubsub.listen, topic)
    pubsub.publish([Message(topic, b"1")])
    pubsub.publish([Message(topic, b"2")])
    before = received(feed, 2)[-1].head

    server.ask("KV", "DeleteRange", rpc.DeleteRangeRequest(key=message_key(topic)))
    pubsub.publish([Message(topic, b"3")])

    assert chained(received(feed, 1), before)


def test_many_messages_go_out_in_parts_that_a_request_takes(pubsub: EtcdPubSub, topic: str, line: Listen) -> None:
    topics = [f"{topic}-{number}" for number in range(300)]
    feed = line(pubsub.listen, *topics)
    large = b"x" * 100_000

    pubsub.publish([Message(name, large) for name in topics[:50]] + [Message(name, b"small") for name in topics])

    messages = received(feed, 350)
    assert {message.topic for message in messages if message.data == b"small"} == set(topics)
    assert sum(message.data == large for message in messages) == 50


def test_what_others_put_in_the_place_of_messages_is_passed_on_as_it_is(
    server: EtcdServer, pubsub: EtcdPubSub, topic: str, line: Listen
) -> None:
    feed = line(pubsub.listen, topic)

    server.ask("KV", "Put", rpc.PutRequest(key=message_key(topic), value=b"garbage"))

    assert data(received(feed, 1)) == [b"garbage"]


def test_what_one_topic_was_told_says_nothing_of_another(db: EtcdDb, pubsub: EtcdPubSub, topic: str, line: Listen) -> None:
    """The member may not have come to the other one's message yet, however long ago this one's arrived."""
    silent = f"{topic}-silent"
    feed = line(pubsub.listen, topic, silent)
    before = place(position_of(feed))

    pubsub.publish([Message(topic, b"1")])
    received(feed, 1)

    never(lambda: bool(feed.receive(0.1)) or place(position_of(feed)).revision > before.revision, "it moved", 6)
    assert list(place(position_of(feed)).ahead) == [message_key(topic).decode()]


def test_a_silent_topic_holds_nothing_back_when_the_member_has_said_that_it_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, carrier: OpenCarrier, topic: str, line: Listen
) -> None:
    """By default it says so every ten minutes; etcd 3.5 may be told how often."""
    monkeypatch.setenv(PROGRAM.variable, PROGRAM.packaged())
    server = EtcdServer(tmp_path / "server", "--experimental-watch-progress-notify-interval=1s")
    server.start()
    try:
        pubsub = carrier(server.url)
        feed = line(pubsub.listen, topic, f"{topic}-silent")
        pubsub.publish([Message(topic, b"1")])
        received(feed, 1)
        told = max(place(position_of(feed)).ahead.values())

        eventually(lambda: not feed.receive(0.1) and place(position_of(feed)).revision >= told, "the member to say so", 20)

        server.ask("KV", "Compact", rpc.CompactionRequest(revision=told))
        pubsub.publish([Message(topic, b"2")])
        assert data(received(line(pubsub.listen, topic, after=position_of(feed)), 1)) == [b"2"]
    finally:
        server.kill()


def test_a_line_goes_on_from_its_position_without_loss_or_repetition(pubsub: EtcdPubSub, topic: str, line: Listen) -> None:
    quiet = f"{topic}-quiet"
    feed = line(pubsub.listen, topic, quiet)
    pubsub.publish([Message(topic, b"1")])
    pubsub.publish([Message(topic, b"2")])
    received(feed, 2)
    position = position_of(feed)
    feed.close()
    pubsub.publish([Message(topic, b"3"), Message(quiet, b"4")])

    feed = line(pubsub.listen, topic, after=position)
    feed.subscribe([quiet])
    messages = [event for event in received(feed, 2) if isinstance(event, Message)]

    assert data(messages) == [b"3"]
    # What is asked for later begins later.
    pubsub.publish([Message(quiet, b"5")])
    assert data(received(feed, 1)) == [b"5"]


def test_topics_go_on_each_from_where_it_was(pubsub: EtcdPubSub, topic: str, line: Listen) -> None:
    topics = [f"{topic}-{number}" for number in range(3)]
    feed = line(pubsub.listen, *topics)
    for number, name in enumerate(topics):
        pubsub.publish([Message(name, b"%d" % number)])
    received(feed, 3)
    position = position_of(feed)
    feed.close()
    for name in topics:
        pubsub.publish([Message(name, b"later")])

    feed = line(pubsub.listen, after=position)
    feed.subscribe(topics)

    events = received(feed, 6)
    assert [event.topic for event in events if isinstance(event, Confirmed)] == topics
    assert sorted((event.topic, event.data) for event in events if isinstance(event, Message)) == [
        (name, b"later") for name in topics
    ]


def test_a_position_stays_good_when_the_line_has_ended(pubsub: EtcdPubSub, topic: str, line: Listen) -> None:
    feed = line(pubsub.listen, topic)
    pubsub.publish([Message(topic, b"1")])
    received(feed, 1)
    feed.close()
    with pytest.raises(HandleClosed):
        feed.receive(0)

    pubsub.publish([Message(topic, b"2")])

    feed = line(pubsub.listen, after=position_of(feed))
    feed.subscribe([topic])
    assert data([event for event in received(feed, 2) if isinstance(event, Message)]) == [b"2"]


def test_what_is_compacted_is_gone(fresh: EtcdServer, carrier: OpenCarrier, line: Listen) -> None:
    fresh.start()
    pubsub = carrier(fresh.url)
    feed = line(pubsub.listen, "a")
    position = position_of(feed)
    pubsub.publish([Message("a", b"1")])
    pubsub.publish([Message("a", b"2")])
    fresh.compact()

    with pytest.raises(Gone):
        pubsub.listen(position)


def test_a_store_that_was_wiped_is_another_one_however_far_it_has_come(
    fresh: EtcdServer, carrier: OpenCarrier, line: Listen
) -> None:
    fresh.start()
    pubsub = carrier(fresh.url)
    feed = line(pubsub.listen, "a")
    pubsub.publish([Message("a", b"1")])
    received(feed, 1)
    position = position_of(feed)
    fresh.kill()
    fresh.forget()
    fresh.start()
    for _ in range(place(position).revision + 5):
        fresh.ask("KV", "Put", rpc.PutRequest(key=b"other"))

    with pytest.raises(Gone):
        pubsub.listen(position)


def test_a_copy_that_went_another_way_is_another_store(
    fresh: EtcdServer, carrier: OpenCarrier, line: Listen, tmp_path: Path
) -> None:
    fresh.start()
    pubsub = carrier(fresh.url)
    pubsub.publish([Message("a", b"1")])
    fresh.kill()
    shutil.copytree(fresh.data, tmp_path / "copy")
    fresh.start()
    feed = line(pubsub.listen, "a")
    pubsub.publish([Message("a", b"2")])
    received(feed, 1)
    position = position_of(feed)
    fresh.kill()
    fresh.forget()
    shutil.copytree(tmp_path / "copy", fresh.data)
    fresh.start()
    while fresh.revision < place(position).revision + 5:
        pubsub.publish([Message("a", b"another")])

    with pytest.raises(Gone):
        pubsub.listen(position)


def test_a_store_that_can_not_be_given_a_name_has_lines_that_do_not_go_on(
    fresh: EtcdServer, carrier: OpenCarrier, line: Listen
) -> None:
    fresh.start()
    with full(fresh):
        feed = line(carrier(fresh.url).listen, "a")

        assert feed.position is None
        assert proven(feed, SILENT)


def test_a_change_carries_its_record_and_the_heads_of_its_stream(db: EtcdDb, table: Table, line: Listen) -> None:
    whole, part = Stream(table), Stream(table, "a")
    first = put(db, Key(table, "old"), b"0", "a")
    feed = line(db.watch)
    feed.subscribe([whole, part])
    confirmed = received(feed, 2)
    assert [event.head for event in confirmed] == db.heads([whole, part])

    second = put(db, Key(table, "k"), b"1", "a")
    third = put(db, Key(table, "k"), b"2", "b")
    fourth = delete(db, Key(table, "old"))
    events = [event for event in received(feed, 6) if isinstance(event, Change)]

    for stream, begin in zip((whole, part), confirmed, strict=True):
        own = [event for event in events if event.stream == stream]
        assert chained(own, begin.head)
        assert [own[-1].head] == db.heads([stream])
        assert [event.revision for event in own] == [second, third, fourth]
    told = {stream: [told_of(event) for event in events if event.stream == stream] for stream in (whole, part)}
    assert told[whole] == [("k", b"1", "a"), ("k", b"2", "b"), ("old", None, None)]
    assert told[part] == [("k", b"1", "a"), ("k", None, None), ("old", None, None)]
    assert first < second


def test_heads_are_never_those_of_another_store_with_the_same_revisions(tmp_path: Path, driver: OpenDriver) -> None:
    heads = []
    for number in range(2):
        server = EtcdServer(tmp_path / str(number))
        server.start()
        try:
            db = driver(server.url)
            revision = put(db, Key(Table("t", "t"), "k"))
            heads.append((revision, db.heads([Stream(Table("t", "t"))])))
        finally:
            server.kill()

    (one, its), (other, others) = heads
    assert one == other
    assert its != others


def test_an_entry_that_moves_enters_its_new_topic_before_it_leaves_the_old_one(db: EtcdDb, table: Table, line: Listen) -> None:
    streams = [Stream(table, name) for name in "abcdefgh"]
    feed = line(db.watch, *streams)
    put(db, Key(table, "k"), b"0", "a")
    received(feed, 1)

    for number in range(1, 40):
        put(db, Key(table, "k"), b"%d" % number, "abcdefgh"[number % 8])
        events = received(feed, 2)
        assert [(event.stream.topic, event.record is None) for event in events] == [
            ("abcdefgh"[number % 8], False),
            ("abcdefgh"[(number - 1) % 8], True),
        ]


def test_an_entry_that_leaves_for_where_nobody_looks_is_a_delete(db: EtcdDb, table: Table, line: Listen) -> None:
    feed = line(db.watch, Stream(table, "a"), Stream(table, "b"))
    put(db, Key(table, "k"), b"1", "a")
    received(feed, 1)

    put(db, Key(table, "k"), b"2", "elsewhere")
    [left] = received(feed, 1)

    assert told_of(left) == ("k", None, None)


def test_what_others_put_into_a_table_is_passed_over(server: EtcdServer, db: EtcdDb, table: Table, line: Listen) -> None:
    feed = line(db.watch)
    feed.subscribe([Stream(table)])
    [confirmed] = received(feed, 1)

    server.ask("KV", "Put", rpc.PutRequest(key=table_prefix(table.name) + b"k/", value=b"garbage"))
    put(db, Key(table, "l"), b"1")

    [change] = received(feed, 1)
    assert (change.name, change.prev) == ("l", confirmed.head)


def test_a_topic_that_is_asked_for_again_is_confirmed_again_and_heard_once(
    pubsub: EtcdPubSub, topic: str, line: Listen
) -> None:
    feed = line(pubsub.listen, topic)
    pubsub.publish([Message(topic, b"1")])
    [first] = received(feed, 1)

    feed.subscribe([topic, topic])
    again = received(feed, 2)
    pubsub.publish([Message(topic, b"2")])

    assert again == [Confirmed(topic, first.head)] * 2
    assert chained(received(feed, 1), first.head)


def test_a_topic_that_is_given_up_is_silent_also_before_it_was_confirmed(pubsub: EtcdPubSub, topic: str, line: Listen) -> None:
    feed = line(pubsub.listen, topic, f"{topic}-kept")
    feed.unsubscribe([topic])
    feed.subscribe([f"{topic}-brief"])
    feed.unsubscribe([f"{topic}-brief"])
    received(feed, 1)

    pubsub.publish([Message(topic, b"1"), Message(f"{topic}-brief", b"2"), Message(f"{topic}-kept", b"3")])

    assert data(received(feed, 1)) == [b"3"]


def test_a_probe_is_answered_by_a_member_that_reaches_the_others(pubsub: EtcdPubSub, topic: str, line: Listen) -> None:
    assert proven(line(pubsub.listen, topic), SILENT)


def test_a_probe_is_not_answered_by_a_member_that_stands_still(
    server: EtcdServer, pubsub: EtcdPubSub, topic: str, line: Listen
) -> None:
    feed = line(pubsub.listen, topic)

    with frozen(server):
        assert not proven(feed, SILENT - 1)


def test_a_probe_is_not_answered_by_a_member_that_is_cut_off(cluster: EtcdCluster, carrier: OpenCarrier, line: Listen) -> None:
    feed = line(carrier(cluster.nodes[0].url).listen, "a")
    assert proven(feed, SILENT)

    with frozen(*cluster.nodes[1:]):
        assert not proven(feed, SILENT - 1)


def test_the_next_line_goes_to_another_member_than_the_one_that_was_silent(
    cluster: EtcdCluster, carrier: OpenCarrier, line: Listen
) -> None:
    pubsub = carrier(cluster.url)
    feed = line(pubsub.listen, "a")
    position = position_of(feed)
    [serving] = [node for node in cluster.nodes if serves(node)]
    with frozen(serving):
        assert not proven(feed, SILENT - 1)
        feed.close()

        feed = line(patiently(pubsub.listen), after=position)
        feed.subscribe(["a"])

        assert received(feed, 1) == [Confirmed("a", str(place(position).revision))]


def patiently(begin: Callable[[Position | None], Feed[Any, Any]]) -> Callable[[Position | None], Feed[Any, Any]]:
    """Open a feed while the others may have to choose a leader."""

    def opened(after: Position | None) -> Feed[Any, Any]:
        until = time.monotonic() + 4
        while True:
            try:
                return begin(after)
            except (grpc.RpcError, NotConnected, LineLost):
                if time.monotonic() > until:
                    raise

    return opened


def test_a_topic_without_a_right_is_denied_and_the_line_goes_on(server: EtcdServer, carrier: OpenCarrier, line: Listen) -> None:
    with guarded(server):
        token = server.ask("Auth", "Authenticate", rpc.AuthenticateRequest(name=ROOT, password=PASSWORD)).token

        def ask(call: str, request: Any) -> None:
            server.ask("Auth", call, request, token=token)

        ask("UserAdd", rpc.AuthUserAddRequest(name="agent", password="secret"))
        ask("RoleAdd", rpc.AuthRoleAddRequest(name="agent"))
        for key, end in ((b"dfb/i", b""), (message_key("mine"), b"")):
            permission = {"permType": 0, "key": key, "range_end": end}
            ask("RoleGrantPermission", rpc.AuthRoleGrantPermissionRequest(name="agent", perm=permission))
        ask("UserGrantRole", rpc.AuthUserGrantRoleRequest(user="agent", role="agent"))
        token = server.ask("Auth", "Authenticate", rpc.AuthenticateRequest(name=ROOT, password=PASSWORD)).token
        server.ask("KV", "Put", rpc.PutRequest(key=b"dfb/i", value=b"name"), token=token)
        feed = line(carrier(f"etcd://agent:secret@{HOST}:{server.port}?").listen)
        feed.subscribe(["theirs", "mine"])

        denied, confirmed = received(feed, 2)
        feed.subscribe(["theirs"])
        [again] = received(feed, 1)

        assert (type(denied), denied.topic) == (type(again), again.topic) == (Denied, "theirs")
        assert confirmed.topic == "mine"
        server.ask("KV", "Put", rpc.PutRequest(key=message_key("mine"), value=b"other"), token=token)
        assert data(received(feed, 1)) == [b"other"]
        ask("UserDelete", rpc.AuthUserDeleteRequest(name="agent"))
        token = server.ask("Auth", "Authenticate", rpc.AuthenticateRequest(name=ROOT, password=PASSWORD)).token
        ask("RoleDelete", rpc.AuthRoleDeleteRequest(role="agent"))


def test_a_token_that_is_not_taken_any_more_is_no_end_of_a_line(server: EtcdServer, carrier: OpenCarrier, line: Listen) -> None:
    with guarded(server):
        pubsub = carrier(f"etcd://{ROOT}:{PASSWORD}@{HOST}:{server.port}?")
        feed = line(pubsub.listen, "before")
        token = server.ask("Auth", "Authenticate", rpc.AuthenticateRequest(name=ROOT, password=PASSWORD)).token
        # All tokens are forgotten by it.
        server.ask("Auth", "AuthDisable", rpc.AuthDisableRequest(), token=token)
        server.ask("Auth", "AuthEnable", rpc.AuthEnableRequest())

        feed.subscribe(["after", "later", "before"])
        confirmed = received(feed, 3)
        feed.unsubscribe(["later"])
        pubsub.publish([Message(name, name.encode()) for name in ("before", "after", "later")])

        assert [(type(event), event.topic) for event in confirmed] == [
            (Confirmed, "after"),
            (Confirmed, "later"),
            (Confirmed, "before"),
        ]
        assert {message.data for message in received(feed, 2)} == {b"before", b"after"}
        assert proven(feed, SILENT)


def test_a_line_that_waits_ends_when_it_is_closed(pubsub: EtcdPubSub, topic: str, line: Listen) -> None:
    feed = line(pubsub.listen, topic)
    ended: list[Exception] = []
    waits = threading.Event()

    def wait() -> None:
        waits.set()
        try:
            feed.receive(60)
        except (HandleClosed, LineLost) as error:
            ended.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    waits.wait(5)
    feed.close()
    thread.join(5)

    assert len(ended) == 1


def test_a_line_has_no_thread(pubsub: EtcdPubSub, topic: str, line: Listen) -> None:
    pubsub.publish([Message(topic, b"1")])
    before = set(threading.enumerate())

    feed = line(pubsub.listen, topic)

    assert proven(feed, SILENT)
    assert set(threading.enumerate()) <= before


def test_the_members_of_a_carrier_are_looked_at(cluster: EtcdCluster, carrier: OpenCarrier) -> None:
    findings = carrier(cluster.nodes[0].url).inspect()

    assert any("it has 3 members" in finding.text for finding in findings)
