"""A user who may do a part only of what a script does: each call is done, told and claimed wholly, or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import pytest
import redis

from contract_tests.servers.node import HOST
from contract_tests.waiting import eventually
from dfbackends.api import Change, Confirmed, Expect, Fence, Key, Message, OpId, Record, Stream, Table, Write
from dfbackends.errors import Refused, understand
from dfbackends_redis.acl import CHANNELS, KEYS, SERVERS, rules
from dfbackends_redis.names import change_channel
from dfbackends_redis.testing import RedisServer
from dfbackends_redis.testing.states import configured
from tests.redis.test_acl import drivers

READING = ["get", "hget", "hmget", "time", "zrangebylex"]
WRITING = ["hdel", "hset", "incr", "pexpire", "publish", "set", "zadd", "zrem"]
IN_SCRIPTS = ["evalsha", *READING, *WRITING]

TOPICS = ("red", "blue")

NUMBERS = count(1)

Call = Callable[[Any, Table, OpId], Any]


def entry(table: Table, name: str, value: bytes | None, topic: str = "") -> Write:
    return Write(Key(table, name), value, topic)


CALLS: dict[str, Call] = {
    "put": lambda db, t, op: db.write([entry(t, "new", b"1")], op),
    "put on a topic": lambda db, t, op: db.write([entry(t, "new", b"1", "red")], op),
    "move": lambda db, t, op: db.write([entry(t, "there", b"1", "blue")], op),
    "leave": lambda db, t, op: db.write([entry(t, "there", b"1")], op),
    "remove": lambda db, t, op: db.write([entry(t, "there", None)], op),
    "several": lambda db, t, op: db.write(
        [entry(t, "there", b"1", "blue"), entry(t, "other", None), entry(t, "new", b"1", "red")], op
    ),
    "commit": lambda db, t, op: db.commit(
        [entry(t, "there", None), entry(t, "new", b"1", "blue")],
        {Key(t, "other"): Expect.PRESENT},
        [Message("told", b"1"), Message("other", b"2")],
        op,
    ),
}
"""Each on a table that has ``there`` on the topic red, and ``other`` on none."""

TOLD = {
    "put": {""},
    "put on a topic": {"", ":red"},
    "move": {"", ":red", ":blue"},
    "leave": {"", ":red"},
    "remove": {"", ":red"},
    "several": {"", ":red", ":blue"},
    "commit": {"", ":red", ":blue", "told", "other"},
}
"""The ends of the channels on which it is told."""


def is_mark(event: object) -> bool:
    return (isinstance(event, Change) and event.name == "mark") or (isinstance(event, Message) and event.data == b"mark")


class Observer:
    """Somebody who may do everything, and looks at a table and two topics."""

    def __init__(self, server: RedisServer) -> None:
        self.db: Any
        self.db, self.pubsub = drivers(f"redis://{HOST}:{server.port}")
        self.table = Table(f"rights-{next(NUMBERS)}", "rights")
        self._events: list[object] = []
        self._feeds: list[Any] = [self.db.watch(), self.pubsub.listen()]
        self.streams = [Stream(self.table), *(Stream(self.table, topic) for topic in TOPICS)]
        self.db.write([entry(self.table, "there", b"0", "red"), entry(self.table, "other", b"0")], self.op())
        for feed, topics in zip(self._feeds, (self.streams, ["told", "other"]), strict=True):
            feed.subscribe(topics)
        eventually(lambda: len(self._received(Confirmed)) == 5, "the confirmations")

    def op(self) -> OpId:
        return OpId(f"rights-{next(NUMBERS)}")

    def _received(self, *kinds: type) -> list[object]:
        for feed in self._feeds:
            self._events += feed.receive(0.01)
        return [event for event in self._events if isinstance(event, kinds)]

    def all_heard(self) -> list[object]:
        """Return all that was heard before now."""
        self.db.write([entry(self.table, "mark", b"mark")], self.op())
        self.pubsub.publish([Message("told", b"mark")])
        eventually(lambda: sum(map(is_mark, self._received(Change, Message))) == 2, "the marks")
        return [event for event in self._received(Change, Message) if not is_mark(event)]

    def state(self) -> tuple[list[dict[str, Record]], list[str]]:
        """Return what is there, what is listed of each topic, and what the heads are."""
        return [dict(self.db.scan(*stream)) for stream in self.streams], self.db.heads(self.streams)

    def close(self) -> None:
        for each in (*self._feeds, self.pubsub, self.db):
            each.close()


@pytest.fixture
def observer(server: RedisServer) -> Iterator[Observer]:
    observer = Observer(server)
    yield observer
    observer.close()


def user(server: RedisServer, *channels: str, without: str = "") -> str:
    """Make a user who has all rights, for these channels, but one; return the URL by which he comes."""
    rights = [right for right in SERVERS["redis"] if right.command != without]
    server.ask("ACL", "SETUSER", "part", "reset", "on", ">secret", *rules(rights, KEYS, *channels))
    return f"redis://part:secret@{HOST}:{server.port}"


def check_done(name: str, observer: Observer, revisions: Sequence[int | None]) -> None:
    """Check that a call was done, told and claimed wholly."""
    (everything, *topics), heads = observer.state()
    assert None not in revisions
    heard = observer.all_heard()
    assert {change.revision for change in heard if isinstance(change, Change)} == set(revisions)
    assert heads == [
        next((event.head for event in reversed(heard) if isinstance(event, Change) and event.stream == stream), head)
        for stream, head in zip(observer.streams, heads, strict=True)
    ]
    for topic, found in zip(TOPICS, topics, strict=True):
        assert found == {key: record for key, record in everything.items() if record.topic == topic}
    assert [event.data for event in heard if isinstance(event, Message)] == ([b"1", b"2"] if name == "commit" else [])


def tried(observer: Observer, url: str, name: str) -> bool:
    """Make a call; return whether it was done. It was done wholly, or not at all."""
    op, before = observer.op(), observer.state()
    some, _ = drivers(url)
    refused: Exception | None = None
    try:
        revisions = CALLS[name](some, observer.table, op)
    except redis.ResponseError as error:
        refused = error
    finally:
        some.close()
    if refused is None:
        check_done(name, observer, revisions)
        return True
    assert understand(refused, some.errors).kind is Refused
    assert observer.state() == before
    assert observer.all_heard() == []
    assert set(observer.db.cancel([Key(observer.table, "there")], op)) == {Fence.NEVER}
    return False


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("command", IN_SCRIPTS)
def test_without_a_command_a_call_is_done_wholly_or_not_at_all(
    server: RedisServer, observer: Observer, command: str, name: str
) -> None:
    done = tried(observer, user(server, CHANNELS, without=command), name)

    assert done or command not in ("pexpire", "incr")


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("hidden", ["", ":red", ":blue", "told", "other"])
def test_without_a_channel_a_call_is_done_wholly_or_not_at_all(
    server: RedisServer, observer: Observer, hidden: str, name: str
) -> None:
    table = change_channel(observer.table.name, None)
    channels = {"": table, ":red": f"{table}:red", ":blue": f"{table}:blue", "told": "dfb:m:told", "other": "dfb:m:other"}

    done = tried(observer, user(server, *(f"&{channel}" for end, channel in channels.items() if end != hidden)), name)

    assert done == (hidden not in TOLD[name])


@pytest.mark.parametrize("hidden", ["told", "other"])
def test_messages_of_which_one_is_forbidden_are_not_published(server: RedisServer, observer: Observer, hidden: str) -> None:
    some, pubsub = drivers(user(server, *(f"&dfb:m:{topic}" for topic in ("told", "other") if topic != hidden)))

    with pytest.raises(redis.ResponseError) as caught:
        pubsub.publish([Message("told", b"1"), Message("other", b"2"), Message("told", b"3")])

    assert understand(caught.value, pubsub.errors).kind is Refused
    assert observer.all_heard() == []
    some.close()
    pubsub.close()


@pytest.mark.parametrize("command", ["get", "set", "pexpire"])
def test_an_outcome_that_may_not_be_looked_up_is_unknown(server: RedisServer, observer: Observer, command: str) -> None:
    op = observer.op()
    done = CALLS["put"](observer.db, observer.table, op)
    some: Any
    some, _ = drivers(user(server, CHANNELS, without=command))
    asked = [some.cancel, lambda keys, op: CALLS["put"](some, observer.table, op)]
    before = observer.state()

    for ask in asked:
        # Where it is answered, it is answered what is true.
        with contextlib.suppress(redis.ResponseError):
            assert ask([Key(observer.table, "new")], op) == done

    assert observer.state() == before
    some.close()


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("setting", "value"), [("maxmemory", "1"), ("min-replicas-to-write", "1")], ids=["full", "without replicas"]
)
def test_where_a_server_takes_no_writes_nothing_is_done(
    server: RedisServer, observer: Observer, setting: str, value: str, name: str
) -> None:
    op, before = observer.op(), observer.state()

    with configured(server, setting, value), pytest.raises(redis.ResponseError):
        CALLS[name](observer.db, observer.table, op)

    assert observer.state() == before
    assert observer.all_heard() == []
    assert set(observer.db.cancel([Key(observer.table, "there")], op)) == {Fence.NEVER}


def test_a_server_that_fills_up_does_each_call_wholly_or_not_at_all(server: RedisServer, observer: Observer) -> None:
    used = server.client().info("memory")["used_memory"]
    done: list[int] = []

    def fill() -> None:
        for number in range(1000):
            writes = [entry(observer.table, f"{number}-{part}", b"v" * 50_000, "red") for part in range(20)]
            done.extend(observer.db.write(writes, observer.op()))

    # It looks at its memory when a call begins, which then takes it over the limit.
    with configured(server, "maxmemory", used + 4_000_000), pytest.raises(redis.ResponseError):
        fill()

    (everything, red, _), _ = observer.state()
    assert done
    assert sorted(record.revision for record in red.values()) == sorted([*done, everything["there"].revision])
    assert {change.revision for change in observer.all_heard() if isinstance(change, Change)} == set(done)
