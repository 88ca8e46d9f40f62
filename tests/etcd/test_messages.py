"""What the lines of the driver promise of messages."""

from __future__ import annotations

from dfbackends.api import Message
from dfbackends_etcd.layout import message_key
from dfbackends_etcd.pubsub import EtcdPubSub
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.testing import EtcdServer
from tests.embedded import received
from tests.etcd.conftest import Listen, OpenCarrier
from tests.etcd.heard import chained, data


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
