"""Where lines go on: behind what they have told, or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from contract_tests.waiting import eventually, never
from dfbackends.api import Confirmed, Gone, Message
from dfbackends_etcd.db import EtcdDb
from dfbackends_etcd.errors import HandleClosed
from dfbackends_etcd.layout import message_key
from dfbackends_etcd.place import place
from dfbackends_etcd.pubsub import EtcdPubSub
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.testing import EtcdServer
from dfbackends_etcd.testing.program import PROGRAM
from dfbackends_etcd.testing.states import full
from tests.embedded import received
from tests.etcd.conftest import Listen, OpenCarrier
from tests.etcd.heard import SILENT, data, position_of, proven


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
