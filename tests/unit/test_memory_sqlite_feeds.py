"""What both embedded stores promise of messages and changes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dfbackends.api import Change, Confirmed, Feed, Gone, Key, Message, Position, Record, Stream, Table, Write
from tests.embedded import ALL, KEY, KINDS, TABLE, Db, Embedded, PubSub, delete, op, put, received, subscribed

A, B = Stream(TABLE, "a"), Stream(TABLE, "b")


@pytest.fixture(params=sorted(KINDS))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Embedded]:
    store = KINDS[request.param](tmp_path)
    yield store
    store.close()


@pytest.fixture
def db(store: Embedded) -> Db:
    return store.db(log_rows=10_000)


@pytest.fixture
def pubsub(store: Embedded) -> PubSub:
    return store.pubsub()


def chained(events: list[Any], head: str) -> bool:
    """Return whether each event begins where the one before ended."""
    for event in events:
        if event.prev != head:
            return False
        head = event.head
    return True


def test_messages_reach_every_listener_of_their_topic_in_order(store: Embedded, pubsub: PubSub) -> None:
    feeds = [store.listen(pubsub, "a"), store.listen(store.pubsub(), "a", "b"), store.listen(pubsub, "a*")]

    pubsub.publish([Message("a", b"1"), Message("b", b"2"), Message("a", b"3")])

    assert [message.data for message in received(feeds[0], 2)] == [b"1", b"3"]
    assert [message.data for message in received(feeds[1], 3)] == [b"1", b"2", b"3"]
    assert feeds[2].receive(0) == []


def test_a_fresh_subscription_gets_no_history(store: Embedded, db: Db, pubsub: PubSub) -> None:
    messages, changes = store.listen(pubsub, "old"), store.watch(db)
    pubsub.publish([Message("new", b"history")])
    put(db, KEY)

    subscribed(messages, "new")
    subscribed(changes, ALL)

    pubsub.publish([Message("new", b"news")])
    assert [message.data for message in received(messages, 1)] == [b"news"]
    assert changes.receive(0) == []


def test_messages_form_a_chain_from_the_confirmed_head_on(store: Embedded, pubsub: PubSub) -> None:
    feed = store.listen(pubsub)
    feed.subscribe(["a", "b"])
    first, second = received(feed, 2)

    pubsub.publish([Message("a", b"1"), Message("b", b"2"), Message("a", b"3"), Message("a", b"4")])
    messages = received(feed, 4)

    assert (first.topic, second.topic) == ("a", "b")
    assert chained([message for message in messages if message.topic == "a"], first.head)
    assert chained([message for message in messages if message.topic == "b"], second.head)


def test_a_repeated_subscription_is_confirmed_behind_what_was_sent_before_it(store: Embedded, pubsub: PubSub) -> None:
    feed = store.listen(pubsub, "a")

    pubsub.publish([Message("a", b"before")])
    feed.subscribe(["a"])
    before, confirmed = received(feed, 2)
    pubsub.publish([Message("a", b"after")])
    [after] = received(feed, 1)

    assert before.data == b"before"
    assert confirmed == Confirmed("a", before.head)
    assert after.prev == confirmed.head


def test_nothing_comes_of_a_topic_that_was_given_up(store: Embedded, pubsub: PubSub) -> None:
    feed = store.listen(pubsub, "a", "b")

    feed.unsubscribe(["a", "never subscribed"])
    feed.subscribe(["c"])
    assert [type(event) for event in received(feed, 1)] == [Confirmed]
    pubsub.publish([Message("a", b"1"), Message("b", b"2")])

    assert [message.topic for message in received(feed, 1)] == ["b"]
    assert feed.receive(0) == []


def test_changes_carry_what_became_of_the_entry(store: Embedded, db: Db) -> None:
    feed = store.watch(db, ALL)

    created = put(db, KEY, b"1", "a")
    replaced = put(db, KEY, b"2", "a")
    removed = delete(db, KEY)
    changes = received(feed, 3)

    assert [change.record for change in changes] == [Record(b"1", created, "a"), Record(b"2", replaced, "a"), None]
    assert [change.revision for change in changes] == [created, replaced, removed]
    assert {(change.stream, change.name) for change in changes} == {(ALL, "k")}


def test_an_entry_that_moves_leaves_one_stream_and_joins_another(store: Embedded, db: Db) -> None:
    feed = store.watch(db, ALL, A, B)

    put(db, KEY, b"1", "a")
    joined = received(feed, 2)
    revision = put(db, KEY, b"2", "b")
    moved = {change.stream: change.record for change in received(feed, 3)}
    delete(db, KEY)
    gone = {change.stream: change.record for change in received(feed, 2)}

    assert {change.stream for change in joined} == {ALL, A}
    assert moved == {ALL: Record(b"2", revision, "b"), A: None, B: Record(b"2", revision, "b")}
    assert gone == {ALL: None, B: None}


def test_changes_form_chains_that_end_in_the_heads(store: Embedded, db: Db) -> None:
    put(db, KEY, b"0", "a")
    feed = store.watch(db)
    feed.subscribe([ALL, A, B])
    start = {confirmed.topic: confirmed.head for confirmed in received(feed, 3)}

    for number, topic in enumerate(["a", "b", "", "b", "a", "a"]):
        put(db, Key(TABLE, f"{number % 2}"), b"v", topic)
    put(db, Key(Table("t2", "t2"), "k"), b"v", "a")
    db.drop(TABLE)
    changes: list[Change] = received(feed, 19)

    assert (start[A], start[B]) == (start[ALL], "")
    for stream, head in zip([ALL, A, B], db.heads([ALL, A, B]), strict=True):
        mine = [change for change in changes if change.stream == stream]
        assert chained(mine, start[stream])
        assert mine[-1].head == head


def test_a_confirmation_names_the_head_at_its_place(store: Embedded, db: Db) -> None:
    feed = store.watch(db)
    put(db, KEY, b"1", "a")
    head = db.heads([A])[0]

    feed.subscribe([A])
    [confirmed] = received(feed, 1)
    put(db, KEY, b"2", "a")
    [change] = received(feed, 1)
    feed.subscribe([A])

    assert confirmed == Confirmed(A, head)
    assert change.prev == head
    assert received(feed, 1) == [Confirmed(A, change.head)]


def test_a_message_of_a_transaction_comes_with_its_changes(store: Embedded, db: Db, pubsub: PubSub) -> None:
    messages, changes = store.listen(pubsub, "topic"), store.watch(db, ALL)

    db.commit([Write(KEY, b"v")], {}, [Message("topic", b"1"), Message("topic", b"2")], op())

    assert [message.data for message in received(messages, 2)] == [b"1", b"2"]
    assert [change.name for change in received(changes, 1)] == ["k"]


def test_a_feed_that_goes_on_misses_nothing_and_repeats_nothing(store: Embedded, db: Db, pubsub: PubSub) -> None:
    messages, changes = store.listen(pubsub, "a"), store.watch(db, ALL, A)
    pubsub.publish([Message("a", b"1"), Message("a", b"2")])
    put(db, KEY, b"1", "a")
    old_messages, old_changes = received(messages, 2), received(changes, 2)
    positions = messages.position, changes.position
    messages.close()
    changes.close()
    pubsub.publish([Message("b", b"x"), Message("a", b"3")])
    put(db, KEY, b"2", "a")

    again, changed = store.listen(pubsub, after=positions[0]), store.watch(db, after=positions[1])
    again.subscribe(["a"])
    changed.subscribe([ALL, A])
    put(db, KEY, b"3", "b")
    confirmed, message = received(again, 2)
    confirmed_all, confirmed_a, *new_changes = received(changed, 6)

    assert [event.data for event in old_messages] == [b"1", b"2"]
    assert (message.data, message.prev) == (b"3", confirmed.head)
    assert confirmed_all == Confirmed(ALL, old_changes[0].head)
    assert confirmed_a == Confirmed(A, old_changes[1].head)
    for stream in (ALL, A):
        mine = [change for change in new_changes if change.stream == stream]
        assert [change.record.value if change.record else None for change in mine] == [b"2", b"3" if stream == ALL else None]
        assert chained(mine, old_changes[0].head)


def test_a_feed_that_goes_on_grants_later_subscriptions_at_the_end_only(store: Embedded, pubsub: PubSub) -> None:
    feed = store.listen(pubsub, "a")
    position = feed.position
    pubsub.publish([Message("a", b"1"), Message("b", b"history")])

    again = store.listen(pubsub, after=position)
    again.subscribe(["a"])
    confirmed, message = received(again, 2)
    again.subscribe(["b"])
    [later] = received(again, 1)
    pubsub.publish([Message("b", b"news")])

    assert (confirmed.topic, message.data, later.topic) == ("a", b"1", "b")
    assert [event.data for event in received(again, 1)] == [b"news"]


def test_a_position_moves_only_behind_what_was_returned(store: Embedded, pubsub: PubSub) -> None:
    feed = store.listen(pubsub, "a")
    start = feed.position

    pubsub.publish([Message("a", b"1")])
    assert feed.position == start
    received(feed, 1)
    assert feed.position != start


def test_a_position_that_was_trimmed_away_is_gone(store: Embedded) -> None:
    pubsub, db = store.pubsub(log_rows=8), store.db(log_rows=8)
    messages, changes = store.listen(pubsub, "a"), store.watch(db, ALL)
    positions = messages.position, changes.position

    for _ in range(30):
        pubsub.publish([Message("a", b"x")])

    with pytest.raises(Gone):
        pubsub.listen(positions[0])
    with pytest.raises(Gone):
        db.watch(positions[1])
    for overtaken in (messages, changes):
        with pytest.raises(Gone):
            overtaken.receive(0)


@pytest.mark.parametrize("change", ["seq", "history"])
def test_a_position_of_another_store_is_gone(store: Embedded, pubsub: PubSub, db: Db, change: str) -> None:
    position = store.listen(pubsub, "a").position
    assert position is not None
    seq, _, history = position.partition(":")
    foreign = Position(f"{seq}:other" if change == "history" else f"{int(seq) + 10**15}:{history}")

    with pytest.raises(Gone):
        pubsub.listen(foreign)
    with pytest.raises(Gone):
        db.watch(foreign)


def test_a_feed_keeps_up_with_a_backlog_in_pieces(store: Embedded, pubsub: PubSub) -> None:
    feed = store.listen(pubsub, "a")
    pubsub.publish([Message("a", b"%d" % number) for number in range(2_500)])
    feed.subscribe(["late"])

    pieces = [feed.receive(0) for _ in range(4)]

    events = [event for piece in pieces for event in piece]
    assert [event.data for event in events if isinstance(event, Message)] == [b"%d" % number for number in range(2_500)]
    assert isinstance(events[-1], Confirmed)
    assert 1 < sum(map(bool, pieces)) <= 4


def test_much_for_others_does_not_delay_what_comes_behind_it(store: Embedded, pubsub: PubSub) -> None:
    feed = store.listen(pubsub, "a")
    pubsub.publish([Message("b", b"x" * (1 << 20)) for _ in range(10)])
    pubsub.publish([Message("a", b"1")])

    [message] = feed.receive(0)

    assert isinstance(message, Message)
    assert message.data == b"1"


def test_large_messages_are_received_in_pieces(store: Embedded, pubsub: PubSub) -> None:
    feed = store.listen(pubsub, "a")
    pubsub.publish([Message("a", b"%d" % number * (1 << 20)) for number in range(10)])
    feed.subscribe(["b"])

    events = received(feed, 11)

    assert [event.data[:1] for event in events[:-1]] == [b"%d" % number for number in range(10)]
    assert events[-1].topic == "b"


def test_a_receive_without_news_returns_in_time(store: Embedded, pubsub: PubSub) -> None:
    feed = store.listen(pubsub, "a")
    began = time.monotonic()

    assert feed.receive(0.2) == []

    assert 0.19 <= time.monotonic() - began < 2


@pytest.mark.parametrize("kind", ["publish", "subscribe", "commit"])
def test_a_waiting_receive_is_woken(store: Embedded, db: Db, pubsub: PubSub, kind: str) -> None:
    feed = store.listen(pubsub, "a")
    events: list[Any] = []
    waiting = threading.Thread(target=lambda: events.extend(feed.receive(30)))
    waiting.start()

    if kind == "publish":
        pubsub.publish([Message("a", b"1")])
    elif kind == "commit":
        db.commit([], {}, [Message("a", b"1")], op())
    else:
        feed.subscribe(["b"])
    waiting.join(5)

    assert not waiting.is_alive()
    assert len(events) == 1


def test_closing_a_feed_ends_a_waiting_receive(store: Embedded, pubsub: PubSub) -> None:
    feed = store.listen(pubsub, "a")
    raised: list[BaseException] = []
    started = threading.Event()

    def wait() -> None:
        started.set()
        try:
            feed.receive(30)
        except store.closed as error:
            raised.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    started.wait(5)
    feed.close()
    feed.close()
    waiting.join(5)

    assert not waiting.is_alive()
    assert len(raised) == 1
    with pytest.raises(store.closed):
        feed.receive(0)
    feed.subscribe(["b"])
    feed.unsubscribe(["b"])


def test_closing_a_feed_at_any_moment_ends_its_receive_at_once(store: Embedded, pubsub: PubSub) -> None:
    for _ in range(50):
        feed = store.listen(pubsub)
        started = threading.Event()

        def wait(feed: Feed[Any, Any] = feed, started: threading.Event = started) -> None:
            started.set()
            with contextlib.suppress(store.closed):
                feed.receive(30)

        waiting = threading.Thread(target=wait)
        waiting.start()
        started.wait(5)
        began = time.monotonic()
        feed.close()
        waiting.join(10)

        assert time.monotonic() - began < 2


def test_a_feed_outlives_the_handle_that_opened_it_and_needs_no_probe(store: Embedded) -> None:
    first, second = store.pubsub(), store.pubsub()
    feed = store.listen(first, "a")

    first.close()
    second.publish([Message("a", b"1")])

    assert [message.data for message in received(feed, 1)] == [b"1"]
    assert not feed.probe()


def test_subscriptions_of_many_threads_under_traffic_end_right(store: Embedded, pubsub: PubSub) -> None:
    feed = store.listen(pubsub)
    done = threading.Event()
    final: dict[int, bool] = {}

    def change(number: int) -> None:
        for turn in range(40):
            wanted = (turn + number) % 3 != 0
            (feed.subscribe if wanted else feed.unsubscribe)([f"{number}"])
            final[number] = wanted

    def send() -> None:
        while not done.is_set():
            pubsub.publish([Message(f"{number}", b"noise") for number in range(8)])

    threads = [threading.Thread(target=change, args=(number,)) for number in range(8)]
    traffic = threading.Thread(target=send)
    for thread in [*threads, traffic]:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            feed.receive(0.01)
    done.set()
    traffic.join(10)
    feed.subscribe(["end"])
    while not any(isinstance(event, Confirmed) and event.topic == "end" for event in feed.receive(1)):
        pass
    pubsub.publish([Message(f"{number}", b"last") for number in range(8)] + [Message("end", b"")])

    last: list[Message] = []
    while not last or last[-1].topic != "end":
        last += [event for event in feed.receive(1) if isinstance(event, Message)]
    assert [message.topic for message in last[:-1]] == [f"{number}" for number in range(8) if final[number]]


def test_a_copy_built_from_changes_equals_the_table(store: Embedded, db: Db) -> None:
    feed: Feed[Stream, Change] = store.watch(db, ALL)
    other = store.db()

    def churn(db: Db, seed: int) -> None:
        for number in range(300):
            key = Key(TABLE, f"{number * seed % 17}")
            put(db, key, b"%d" % number, f"{number % 3}") if number % 5 else delete(db, key)

    threads = [threading.Thread(target=churn, args=(handle, seed)) for handle, seed in ((db, 7), (other, 11))]
    for thread in threads:
        thread.start()
    copy: dict[str, Record] = {}
    newest: dict[str, int] = {}
    head = ""
    while any(thread.is_alive() for thread in threads) or head != db.heads([ALL])[0]:
        for change in feed.receive(0.1):
            assert isinstance(change, Change)
            assert change.revision > newest.get(change.name, 0)
            newest[change.name], head = change.revision, change.head
            copy.pop(change.name, None)
            if change.record is not None:
                copy[change.name] = change.record

    assert copy == dict(db.scan(TABLE))
