"""What is asked for on a line, and how it is proven, refused and ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from contract_tests.servers.node import HOST
from dfbackends.api import Confirmed, Denied, Feed, Message, Position
from dfbackends_etcd.errors import CallFailed, HandleClosed, LineLost, NotConnected
from dfbackends_etcd.layout import message_key
from dfbackends_etcd.place import place
from dfbackends_etcd.pubsub import EtcdPubSub
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.testing import EtcdCluster, EtcdServer
from dfbackends_etcd.testing.states import PASSWORD, ROOT, guarded
from tests.embedded import received
from tests.etcd.conftest import Listen, OpenCarrier
from tests.etcd.heard import SILENT, chained, data, frozen, position_of, proven
from tests.etcd.metrics import serves


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
            except (CallFailed, NotConnected, LineLost):
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
