"""What one operation of the driver does to the store, and what its id is good for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from dfbackends.api import DbApi, Expect, Fence, Key, Message, OpId, Stream, Table, Write
from dfbackends.errors import TooLarge, Unavailable, understand
from dfbackends_etcd.db import EtcdDb
from dfbackends_etcd.errors import LeaseLost
from dfbackends_etcd.layout import end, fence, message_key, messages_in, stream_prefix
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.testing import EtcdServer
from tests.etcd.conftest import OpenDriver


@pytest.fixture
def db(server: EtcdServer, driver: OpenDriver) -> EtcdDb:
    return driver(server.url)


@pytest.fixture
def table(request: pytest.FixtureRequest) -> Table:
    name = request.node.name
    return Table(name, name)


def stored(server: EtcdServer, prefix: bytes) -> list[Any]:
    return list(server.ask("KV", "Range", rpc.RangeRequest(key=prefix, range_end=end(prefix))).kvs)


def head(server: EtcdServer, table: Table, topic: str | None = None) -> int:
    """Return the revision of a stream's head, 0 where there is none."""
    kvs = server.ask("KV", "Range", rpc.RangeRequest(key=stream_prefix(Stream(table, topic)))).kvs
    return kvs[0].mod_revision if kvs else 0


def names(db: DbApi, table: Table, topic: str | None = None) -> list[str]:
    return [name for name, _ in db.scan(table, topic)]


def written(revisions: Sequence[int | None]) -> int:
    """Return the revision of the only write."""
    [revision] = revisions
    assert revision is not None
    return revision


def test_an_entry_its_heads_and_its_outcome_have_one_revision(
    db: EtcdDb, server: EtcdServer, table: Table, ops: Iterator[OpId]
) -> None:
    op = next(ops)

    revision = written(db.write([Write(Key(table, "k"), b"1", "blue")], op))

    [record] = db.read([Key(table, "k")])
    assert record == (b"1", revision, "blue")
    assert head(server, table) == head(server, table, "blue") == revision
    assert [kv.mod_revision for kv in stored(server, fence(op))] == [revision]


def test_a_move_tells_both_topics_and_leaves_nothing_behind(
    db: EtcdDb, server: EtcdServer, table: Table, ops: Iterator[OpId]
) -> None:
    key = Key(table, "k")
    db.write([Write(key, b"1", "blue")], next(ops))

    moved = written(db.write([Write(key, b"2", "red")], next(ops)))

    assert (names(db, table, "blue"), names(db, table, "red"), names(db, table)) == ([], ["k"], ["k"])
    assert head(server, table, "blue") == head(server, table, "red") == head(server, table) == moved
    assert len(stored(server, stream_prefix(Stream(table)))) == 2  # The head, and one entry.


def test_the_head_of_a_stream_survives_its_entries(db: EtcdDb, server: EtcdServer, table: Table, ops: Iterator[OpId]) -> None:
    db.write([Write(Key(table, "k"), b"1", "blue")], next(ops))

    deleted = written(db.write([Write(Key(table, "k"), None)], next(ops)))

    assert names(db, table) == []
    assert head(server, table) == head(server, table, "blue") == deleted


@pytest.mark.parametrize("topic", ["", "blue", "zz"])
@pytest.mark.parametrize("before", [None, "", "blue", "zz"])
@pytest.mark.parametrize("expect", [Expect.ANY, Expect.ABSENT, Expect.PRESENT, "right", "wrong"])
def test_a_put_is_done_if_and_only_if_its_expectation_holds(
    db: EtcdDb, table: Table, ops: Iterator[OpId], topic: str, before: str | None, expect: Any
) -> None:
    key = Key(table, f"{topic}-{before}-{expect}")
    old = 0 if before is None else written(db.write([Write(key, b"old", before)], next(ops)))
    wanted = {"right": old, "wrong": old - 1}.get(expect, expect)

    [revision] = db.write([Write(key, b"new", topic, wanted)], next(ops))

    held = expect is Expect.ANY or ((before is None) == (expect is Expect.ABSENT) and expect != "wrong")
    if expect == "right" and before is None:
        held = False
    [record] = db.read([key])
    if held:
        assert revision is not None
        assert record == (b"new", revision, topic)
        assert revision > old
    else:
        assert revision is None
        assert record == (None if before is None else (b"old", old, before))
    for other in {"blue", "zz"} - {record.topic if record is not None else ""}:
        assert key.name not in names(db, table, other)


def test_a_revision_that_no_store_has_is_no_expectation_that_holds(db: EtcdDb, table: Table, ops: Iterator[OpId]) -> None:
    for revision in (0, -1, 2**63, 2**100):
        assert db.write([Write(Key(table, "k"), b"1", "", revision)], next(ops)) == [None]
        assert db.write([Write(Key(table, "k"), None, "", revision)], next(ops)) == [None]
        assert db.commit([Write(Key(table, "k"), b"1")], {Key(table, "o"): revision}, (), next(ops)) is None
    assert names(db, table) == []


def test_an_id_that_comes_again_is_answered_what_it_did(db: EtcdDb, table: Table, ops: Iterator[OpId]) -> None:
    key, op = Key(table, "k"), next(ops)
    put = [Write(key, b"1", "blue", Expect.ABSENT)]

    first = db.write(put, op)
    other = db.write([Write(key, b"2", "red")], next(ops))

    assert db.write(put, op) == first
    assert db.read([key])[0] == (b"2", written(other), "red")
    assert db.cancel([key], op) == first


def test_a_put_that_comes_again_is_done_once(db: EtcdDb, table: Table, ops: Iterator[OpId]) -> None:
    """Nothing but what its operation did tells it from a new one."""
    key, op, other = Key(table, "k"), next(ops), next(ops)

    first = db.write([Write(key, b"1")], op)
    second = db.commit([Write(key, b"2")], {}, (), other)
    third = written(db.write([Write(key, b"3")], next(ops)))

    assert db.write([Write(key, b"1")], op) == first
    assert db.commit([Write(key, b"2")], {}, (), other) == second
    assert db.read([key])[0] == (b"3", third, "")


def test_several_writes_that_come_again_are_answered_each(db: EtcdDb, table: Table, ops: Iterator[OpId]) -> None:
    keys = [Key(table, f"k{number}") for number in range(250)]
    op = next(ops)
    db.write([Write(keys[7], b"there")], next(ops))
    writes = [Write(key, b"1", "blue" if number % 2 else "", Expect.ABSENT) for number, key in enumerate(keys)]

    first = db.write(writes, op)
    db.write([Write(keys[3], None), Write(keys[240], b"2")], next(ops))

    assert first[7] is None
    assert all(isinstance(revision, int) for number, revision in enumerate(first) if number != 7)
    assert db.write(writes, op) == first
    assert db.cancel(keys, op) == first
    assert names(db, table, "blue") == sorted(
        key.name for number, key in enumerate(keys) if number % 2 and number not in (3, 7)
    )


def test_what_was_cancelled_is_never_done(db: EtcdDb, server: EtcdServer, table: Table, ops: Iterator[OpId]) -> None:
    keys = [Key(table, f"k{number}") for number in range(130)]
    single, several, commit = next(ops), next(ops), next(ops)

    assert db.cancel(keys[:1], single) == [Fence.NEVER]
    assert db.cancel(keys, several) == [Fence.NEVER] * 130
    assert db.cancel(keys[:2], commit) == [Fence.NEVER] * 2

    assert db.write([Write(keys[0], b"1")], single) == [None]
    assert db.write([Write(key, b"1") for key in keys], several) == [None] * 130
    assert db.commit([Write(key, b"1") for key in keys[:2]], {}, [Message("t", b"m")], commit) is None
    assert names(db, table) == []
    assert head(server, table) == 0
    assert db.cancel(keys[:1], single) == [Fence.NEVER]


def test_a_commit_is_done_as_a_whole_with_its_messages(
    db: EtcdDb, server: EtcdServer, table: Table, ops: Iterator[OpId], request: pytest.FixtureRequest
) -> None:
    topic, op = request.node.name, next(ops)
    there = written(db.write([Write(Key(table, "there"), b"0", "blue")], next(ops)))
    writes = [Write(Key(table, "new"), b"1", "blue"), Write(Key(table, "there"), None)]
    checks: dict[Key, Expect | int] = {Key(table, "there"): there, Key(table, "absent"): Expect.ABSENT}
    messages = [Message(topic, b"one"), Message(f"{topic}/2", b"two"), Message(topic, b"three")]

    revisions = db.commit(writes, checks, messages, op)

    assert revisions is not None
    assert len(set(revisions)) == 1
    assert names(db, table, "blue") == ["new"]
    [kv] = server.ask("KV", "Range", rpc.RangeRequest(key=message_key(topic))).kvs
    assert kv.mod_revision == revisions[0]
    assert kv.lease
    assert [message.data for message in messages_in(kv)] == [b"one", b"three"]
    assert db.commit(writes, checks, messages, op) == revisions
    assert db.cancel([write.key for write in writes], op) == revisions


@pytest.mark.parametrize("writes", [1, 30], ids=["guessed", "looked at"])
@pytest.mark.parametrize("broken", ["write", "check"])
def test_a_commit_does_nothing_where_anything_does_not_hold(
    db: EtcdDb, server: EtcdServer, table: Table, ops: Iterator[OpId], writes: int, broken: str
) -> None:
    there = Key(table, "there")
    revision = written(db.write([Write(there, b"0")], next(ops)))
    puts = [Write(Key(table, f"k{number}"), b"1") for number in range(writes)]
    checks: dict[Key, Expect | int] = {there: revision + 1} if broken == "check" else {}
    if broken == "write":
        puts.append(Write(there, b"1", "", Expect.ABSENT))

    assert db.commit(puts, checks, [Message("t", b"m")], next(ops)) is None

    assert names(db, table) == ["there"]
    assert head(server, table) == revision


def test_a_check_and_an_expectation_of_the_same_entry_both_count(db: EtcdDb, table: Table, ops: Iterator[OpId]) -> None:
    key = Key(table, "k")
    revision = written(db.write([Write(key, b"1", "blue")], next(ops)))

    assert db.commit([Write(key, b"2", "blue", Expect.PRESENT)], {key: revision - 1}, (), next(ops)) is None
    assert db.commit([Write(key, b"2", "red", Expect.PRESENT)], {key: revision}, (), next(ops)) is not None
    assert names(db, table, "red") == ["k"]


def test_the_largest_commit_fits_and_a_larger_one_is_refused_before_it_is_sent(
    db: EtcdDb, server: EtcdServer, table: Table, ops: Iterator[OpId]
) -> None:
    most = db.limits.commit
    writes = [Write(Key(table, f"k{number:03}"), b"1", f"t{number}") for number in range(most)]
    assert db.commit(writes, {}, (), next(ops)) is not None

    # Each leaves its topic and enters another one: the most that there is to do.
    moves = [write._replace(topic=f"new-{write.topic}", value=b"2") for write in writes]
    assert db.commit(moves, {}, (), next(ops)) is not None
    assert db.commit(moves[:1], {write.key: Expect.PRESENT for write in moves[1:]}, (), next(ops)) is not None
    before = server.revision
    with pytest.raises(TooLarge, match="operations of a request"):
        db.commit([*moves, *(Write(Key(table, f"more{number}"), b"1") for number in range(30))], {}, (), next(ops))
    with pytest.raises(TooLarge, match="bytes of a request"):
        db.commit([write._replace(value=bytes(20_000)) for write in writes], {}, (), next(ops))

    assert server.revision == before
    assert [record.value for _, record in db.scan(table)] == [b"2"] * most


def test_the_largest_values_fit_whatever_their_names_are(db: EtcdDb, ops: Iterator[OpId]) -> None:
    long = "/%" * 256
    table, value = Table(long, long), bytes(db.limits.value)

    assert written(db.write([Write(Key(table, long), value, long[:256])], next(ops)))
    several = [Write(Key(table, f"{number}{long[:500]}"), value, long[:256]) for number in range(3)]
    assert None not in db.write(several, next(ops))
    assert db.commit([Write(Key(table, long), value, "other")], {}, (), next(ops)) is not None
    assert [record.value for _, record in db.scan(table)] == [value] * 4
    db.drop(table)


def test_a_lease_that_is_gone_is_told_and_replaced(db: EtcdDb, server: EtcdServer, table: Table, ops: Iterator[OpId]) -> None:
    op, key = next(ops), Key(table, "k")
    first = written(db.write([Write(key, b"1")], op))
    [kv] = stored(server, fence(op))

    server.ask("Lease", "LeaseRevoke", rpc.LeaseRevokeRequest(ID=kv.lease))

    with pytest.raises(LeaseLost) as caught:
        db.write([Write(key, b"2")], next(ops))
    assert understand(caught.value, db.errors).kind is Unavailable
    assert db.read([key])[0] == (b"1", first, "")
    assert written(db.write([Write(key, b"3")], next(ops))) > first


def test_outcomes_and_fences_are_kept_as_long_as_promised_and_not_for_ever(
    db: EtcdDb, server: EtcdServer, table: Table, ops: Iterator[OpId]
) -> None:
    def left(op: OpId) -> int:
        [kv] = stored(server, fence(op))
        seconds: int = server.ask("Lease", "LeaseTimeToLive", rpc.LeaseTimeToLiveRequest(ID=kv.lease)).TTL
        return seconds

    done, fenced = next(ops), next(ops)
    db.write([Write(Key(table, "k"), b"1")], done)
    db.cancel([Key(table, "k")], fenced)

    assert 100 <= left(done) <= 115  # Ten deadlines.
    assert 3600 <= left(fenced) <= 3965
